"""What is done before the interpreter exits: whoever waits in the library comes back first.

A daemon thread that comes back from a wait after the interpreter has gone would end in the middle of the library's
code.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from typing import Protocol


class Closable(Protocol):
    """What wakes everybody who waits in it."""

    def close(self) -> None:
        """Wake them."""


_PATIENCE = 1.0
"""Seconds for a thread to come back. It is in the way of nobody for longer only when the program's own code is."""

_lock = threading.Lock()
_threads: list[tuple[threading.Thread, Closable]] = []
rollouts: weakref.WeakSet[Closable] = weakref.WeakSet()
"""In which the program's own threads may wait."""


def start(thread: threading.Thread, waits_in: Closable) -> None:
    """Start a thread of the package."""
    with _lock:
        _threads[:] = [(other, its) for other, its in _threads if other.is_alive()]
        thread.start()
        _threads.append((thread, waits_in))


def _close_all(process: int) -> None:
    # A forked child has none of the threads, and perhaps a lock that they held.
    if os.getpid() != process:
        return
    with _lock:
        threads = list(_threads)
    for waited_in in [*rollouts, *(its for _, its in threads)]:
        waited_in.close()
    for thread, _ in threads:
        thread.join(_PATIENCE)


atexit.register(_close_all, os.getpid())
