"""The library's log under Python's logger ``lambda_rollout``.

The library's threads leave records in a queue, and a Python thread hands them to `logging`. What the logger does not
want is not even written: its level is looked at whenever a rollout starts and after every record.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading

from . import _native

ROOT = logging.getLogger("lambda_rollout")
ROOT.addHandler(logging.NullHandler())

_lock = threading.Lock()
_begun = False


def begin() -> None:
    """Begin to hand records over, and look at the level."""
    global _begun  # noqa: PLW0603 - one log for the process, as `logging` is
    with _lock:
        if not _begun:
            _begun = True
            _native.log_begin()
            thread = threading.Thread(target=_hand_over, name="lambda-rollout log", daemon=True)
            thread.start()
            atexit.register(_end, thread, os.getpid())
    look_at_level()


def look_at_level() -> None:
    """Tell the library from which level on records are wanted."""
    _native.log_level(min(max(ROOT.getEffectiveLevel(), 0), 255))


def _hand_over() -> None:
    while (record := _native.log_next()) is not None:
        level, target, message = record
        logging.getLogger(target).log(level, "%s", message)
        look_at_level()


def _end(thread: threading.Thread, process: int) -> None:
    # A forked child has not got the thread, and perhaps a lock that it held.
    if os.getpid() == process:
        _native.log_end()
        thread.join(_PATIENCE)


_PATIENCE = 1.0
"""Seconds for the last records to be handed over when the interpreter exits."""
