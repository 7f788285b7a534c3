"""How a rollout ended, and why: values, whichever way it went."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from . import _native
from .errors import RolloutFailed

if TYPE_CHECKING:
    from .events import Event

__all__ = ["Cause", "Outcome", "RollbackTimes"]


@dataclass(frozen=True)
class Cause:
    """Why a rollout ended as it did.

    Attributes
    ----------
    kind : str
        ``"alarm"``, ``"hook"``, ``"drift"``, ``"deadline"``, ``"abort"`` and so on.
    message : str
        The same in words; so is ``str(cause)``.
    details : mapping
        What else the kind has, as in the event log: an alarm's ``name``, ``state``, ``reason`` and ``time``.
    """

    kind: str
    message: str
    details: Mapping[str, Any] = field(hash=False)

    def __str__(self) -> str:
        return self.message

    @classmethod
    def _of(cls, document: Mapping[str, Any]) -> Cause:
        details = {key: value for key, value in document.items() if key != "kind"}
        return cls(document["kind"], _native.describe_cause(json.dumps(document)), details)


@dataclass(frozen=True)
class RollbackTimes:
    """How long each part of a rollback took.

    Attributes
    ----------
    seen : timedelta or None
        From the alarm's own change of state, by CloudWatch's clock, until it was seen here; ``None`` for other causes.
    decided : timedelta
        From seeing it until the restoring write could be sent.
    written : timedelta
        From there until that write was acknowledged.
    read_back : timedelta or None
        From there until the alias, read back, proved it; ``None`` when it could not be read any more.
    """

    seen: timedelta | None
    decided: timedelta
    written: timedelta
    read_back: timedelta | None

    @classmethod
    def _of(cls, document: Mapping[str, Any]) -> RollbackTimes:
        def time(key: str) -> timedelta | None:
            millis = document.get(f"{key}_ms")
            return None if millis is None else timedelta(milliseconds=millis)

        nothing = timedelta()
        return cls(time("seen"), time("decided") or nothing, time("written") or nothing, time("read_back"))


@dataclass(frozen=True)
class Outcome:
    """The end of a rollout.

    Attributes
    ----------
    kind : str
        ``"promoted"``, ``"rolled_back"``, ``"refused"``, ``"aborted"``, ``"drifted"``, ``"unsettled"`` or
        ``"nothing_to_do"``.
    message : str
        How it ended and why, in a line for people; so is ``str(outcome)``.
    cause : Cause or None
        Why, where it is not simply promoted.
    stable_version, canary_version : str or None
        The version that served before, and the one that was rolled out; ``None`` where it was not learnt.
    traffic_moved : bool
        Whether this rollout ever wrote a weight, or may have.
    calls : mapping of str to int
        The calls made, by kind.
    rollback : RollbackTimes or None
        For a rollback, how long each part took.
    advice : str or None
        Where a person has to look: the AWS CLI's command that settles the alias.
    events : tuple of Event
        The whole history that this process saw.
    """

    kind: str
    message: str
    cause: Cause | None
    stable_version: str | None
    canary_version: str | None
    traffic_moved: bool
    calls: Mapping[str, int] = field(hash=False)
    rollback: RollbackTimes | None
    advice: str | None
    events: tuple[Event, ...] = field(default=(), repr=False, compare=False)

    @property
    def exit_code(self) -> int:
        """What the command would end with: 0, 3 refused, 4 rolled back, 5 a person has to look."""
        if self.kind in {"promoted", "nothing_to_do"}:
            return 0
        if self.kind == "refused" or (self.kind == "aborted" and not self.traffic_moved):
            return 3
        return 4 if self.kind in {"rolled_back", "aborted"} else 5

    @property
    def is_success(self) -> bool:
        """Whether the canary version serves all traffic now, or already did."""
        return self.exit_code == 0

    def raise_for_failure(self) -> None:
        """Do nothing when the canary version serves.

        Raises
        ------
        RolloutFailed
            When it does not, with this outcome as its ``outcome``.
        """
        if not self.is_success:
            failure = RolloutFailed(str(self))
            failure.outcome = self
            failure.advice = self.advice or ""
            raise failure

    def __str__(self) -> str:
        return self.message

    def _repr_svg_(self) -> str:
        from . import _timeline

        return _timeline.of_events(self.events)

    def _repr_html_(self) -> str:
        from . import _timeline

        return _timeline.as_html(self._repr_svg_(), str(self))

    @classmethod
    def _of(cls, document: Mapping[str, Any], events: tuple[Event, ...] = ()) -> Outcome:
        cause, rollback = document.get("cause"), document.get("rollback")
        return cls(
            kind=document["outcome"],
            message=_native.describe_outcome(json.dumps(document)),
            cause=None if cause is None else Cause._of(cause),
            stable_version=document["stable_version"],
            canary_version=document["canary_version"],
            traffic_moved=document["traffic_moved"],
            calls=document["calls"],
            rollback=None if rollback is None else RollbackTimes._of(rollback),
            advice=document.get("advice"),
            events=events,
        )
