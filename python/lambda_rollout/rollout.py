"""Rollouts for programs without an event loop."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from ._inbox import SLICE, ThreadInbox
from ._launch import Launch
from .errors import WaitTimeout, WrongStateError
from .events import Event
from .outcome import Outcome
from .plan import RolloutPlan

__all__ = ["Rollout", "run"]


class Rollout(Launch[ThreadInbox]):
    """A rollout, for programs without an event loop.

    It runs on threads of the library. A ``with`` block starts it, and its end waits for the rollout's own; a block
    that is left by an exception, Ctrl-C among them, aborts the rollout, waits until everything is put back, and lets
    the exception go on. Iteration gives the events; what is not taken is kept. Every method may be called from any
    thread, and waiting leaves the GIL to others.

    Parameters
    ----------
    plan : RolloutPlan
        What to roll out.
    simulate : Scenario, str or bool, optional
        Runs on a simulated account instead of AWS: a scenario, the name of one, or ``True`` for the healthy world.
    before_traffic, after_traffic : Hook or callable, optional
        Functions that say whether the release is good. The plan must not have a Lambda hook in the same place.
    alarm_sources : mapping of str to callable, optional
        Functions that read alarms of the plan in place of CloudWatch, by the alarm's name.
    journal : str or path, optional
        A file from which another process carries on, should this one die.
    rollout_id : str, optional
        An id of one's own; random if not said.
    region, profile, endpoint_url : str, optional
        Said over the standard AWS configuration.
    credentials : optional
        A ``boto3.Session`` (whose Region then counts too), a mapping, a tuple, or a callable that gives one of them
        whenever new ones are needed. See `lambda_rollout.credentials`.

    Raises
    ------
    PlanError
        For arguments that do not fit the plan, when it starts.

    Examples
    --------
    >>> plan = RolloutPlan("sample-handler", "main", "Canary10Percent5Minutes", alarms=["sample-handler-errors"])
    >>> with Rollout(plan, simulate="broken") as rollout:
    ...     for event in rollout:
    ...         print(event.kind)
    started
    published
    checked
    shifted
    alarm_changed
    rolling_back
    shifted
    rolled_back
    finished
    >>> rollout.wait().kind
    'rolled_back'
    """

    def start(self) -> Rollout:
        """Start it, and give it back. What a ``with`` block does.

        Without a ``with`` block nothing aborts it; it ends where it is when the process does.
        """
        if self._inbox is not None:
            raise WrongStateError("the rollout was started already")
        inbox = ThreadInbox(self._launch(), self._callables)
        self._inbox = inbox
        if self._pumped:
            thread = threading.Thread(target=inbox.until, args=(lambda: False, None), daemon=True)
            thread.name = "lambda-rollout requests"
            thread.start()
        return self

    def __enter__(self) -> Rollout:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._detached:
            return
        if kind is not None:
            # Otherwise it has ended, or is being put back already.
            with contextlib.suppress(WrongStateError):
                self.abort(f"left by {kind.__name__}")
        self.wait()

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        event = self._taken.next()
        if event is None:
            raise StopIteration
        return event

    def wait(self, timeout: float | None = None) -> Outcome:
        """Wait for the end. Events are kept meanwhile.

        Parameters
        ----------
        timeout : float, optional
            Seconds.

        Returns
        -------
        Outcome
            How it ended. A failed canary is no exception.

        Raises
        ------
        WaitTimeout
            When it has not ended by then. It runs on.
        """
        inbox = self._taken
        began = time.monotonic()
        while True:
            left = None if timeout is None else timeout - (time.monotonic() - began)
            inbox.until(lambda: inbox.at_end, left)
            patience = SLICE if left is None else max(min(left, SLICE), 0)
            outcome = inbox.outcome(patience) if inbox.at_end else None
            if outcome is not None:
                return outcome
            if left is not None and left <= 0:
                raise WaitTimeout(f"the rollout has not ended within {timeout} s; it runs on")

    def pause(self) -> None:
        """Shift nothing until ``resume``. The hold's clock stops; alarms stay watched.

        Raises
        ------
        WrongStateError
            When it is paused already, is being rolled back, or has ended.
        """
        self._native.order("pause", "")

    def resume(self) -> None:
        """Go on after a pause, or approve a gate.

        Raises
        ------
        WrongStateError
            When it neither is paused nor waits, or has ended.
        """
        self._native.order("resume", "")

    def promote(self) -> None:
        """Shift all traffic now, without the remaining holds. Hook after traffic and bake follow.

        Raises
        ------
        WrongStateError
            Before pre-flight has passed, while being rolled back, or after the end.
        """
        self._native.order("promote", "")

    def abort(self, reason: str = "aborted by the program") -> None:
        """Put everything back and end. Returns when the order is taken; ``wait`` tells when it is done.

        Parameters
        ----------
        reason : str
            Why, for the history.

        Raises
        ------
        WrongStateError
            While being rolled back already, or after the end.
        """
        self._native.order("abort", reason)

    def detach(self) -> None:
        """Let it run on by itself, as long as the process lives.

        The events end, and hooks and alarm sources are not asked any more. The end of the block waits for nothing.
        """
        self._native.detach()
        self._detached = True


def run(plan: RolloutPlan, *, on_event: Callable[[Event], object] | None = None, **options: Any) -> Outcome:
    """Run a rollout to its end.

    Parameters
    ----------
    plan : RolloutPlan
        What to roll out.
    on_event : callable, optional
        Is given each event. What it raises aborts the rollout and goes on.
    **options
        As `Rollout` takes them.

    Returns
    -------
    Outcome
        How it ended.

    Examples
    --------
    >>> run(RolloutPlan("sample-handler", "main", "AllAtOnce"), simulate=True).kind
    'promoted'
    """
    with Rollout(plan, **options) as rollout:
        for event in rollout:
            if on_event is not None:
                on_event(event)
    return rollout.wait()
