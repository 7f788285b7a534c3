"""The one history of a rollout, as typed events.

Each kind of event is a frozen dataclass, so that ``match`` tells them apart::

    match event:
        case Shifted(weight=weight):
            print(f"{weight:.0%}")
        case RollingBack(cause=cause):
            print(cause)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from .errors import _of_report
from .hooks import AlarmState
from .outcome import Cause, Outcome

__all__ = [
    "AlarmChanged",
    "AlarmsUnreadable",
    "Checked",
    "Drifted",
    "Event",
    "Finished",
    "GateWaiting",
    "HookFinished",
    "HookStarted",
    "Paused",
    "Promoted",
    "Published",
    "Resumed",
    "RolledBack",
    "RollingBack",
    "Shifted",
    "Started",
    "StepHeld",
]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened.

    Attributes
    ----------
    seq : int
        1, 2, 3 and so on, without gaps.
    at : datetime
        When, in UTC, by the rollout's clock.
    kind : str
        What, as in the event log.
    """

    kind: ClassVar[str] = ""
    seq: int
    at: datetime
    _document: str = field(repr=False, compare=False, default="{}")

    def to_dict(self) -> dict[str, Any]:
        """Give the event as it stands in the event log: flat, ready for JSON."""
        document: dict[str, Any] = json.loads(self._document)
        return document

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S}  {self.kind}{self._words()}"

    def _words(self) -> str:
        return ""


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """The rollout began, or was taken up again. Always the first."""

    kind: ClassVar[str] = "started"
    rollout_id: str
    function: str
    alias: str
    strategy: str

    def _words(self) -> str:
        return f"  {self.function}:{self.alias} {self.strategy}"


@dataclass(frozen=True, kw_only=True)
class Published(Event):
    """A version was published, or publishing made nothing new and named the one that there is."""

    kind: ClassVar[str] = "published"
    version: str
    code_sha256: str

    def _words(self) -> str:
        return f"  version {self.version}"


@dataclass(frozen=True, kw_only=True)
class Checked(Event):
    """Pre-flight passed: traffic may move.

    `weight` is the share, 0 to 1, that the canary version had already; `alarms` gives each alarm's state.
    """

    kind: ClassVar[str] = "checked"
    stable_version: str | None
    canary_version: str | None
    weight: float
    alarms: Mapping[str, AlarmState]

    def _words(self) -> str:
        return f"  version {self.stable_version} serves, version {self.canary_version} is ready"


@dataclass(frozen=True, kw_only=True)
class HookStarted(Event):
    """A hook was started; `lambda_function` is ``None`` for one of this program."""

    kind: ClassVar[str] = "hook_started"
    hook: str
    lambda_function: str | None

    def _words(self) -> str:
        return f"  {self.hook}"


@dataclass(frozen=True, kw_only=True)
class HookFinished(Event):
    """A hook came to its end; `failure` says how it came to no answer, when it did."""

    kind: ClassVar[str] = "hook_finished"
    hook: str
    verdict: str
    reason: str
    failure: str | None

    def _words(self) -> str:
        return f"  {self.hook}: {self.verdict}{f', {self.reason}' if self.reason else ''}"


@dataclass(frozen=True, kw_only=True)
class Shifted(Event):
    """An alias write changed the canary version's `weight`, 0 to 1."""

    kind: ClassVar[str] = "shifted"
    weight: float
    from_version: str
    to_version: str
    revision_id: str

    def _words(self) -> str:
        return (
            f"  {self.weight:.4%}".rstrip("0%").rstrip(".")
            + f" % from version {self.from_version} to {self.to_version}"
        )


@dataclass(frozen=True, kw_only=True)
class StepHeld(Event):
    """A step's hold has passed with every alarm readable and none firing."""

    kind: ClassVar[str] = "step_held"
    step: int
    weight: float

    def _words(self) -> str:
        return f"  step {self.step}"


@dataclass(frozen=True, kw_only=True)
class AlarmChanged(Event):
    """An alarm was seen in another state than before; ``None`` is for one that is not there."""

    kind: ClassVar[str] = "alarm_changed"
    alarm: str
    from_state: AlarmState | None
    to_state: AlarmState | None
    reason: str

    def _words(self) -> str:
        return f"  {self.alarm} is {self.to_state or 'gone'}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class AlarmsUnreadable(Event):
    """The alarms could not be read. Said once for each outage."""

    kind: ClassVar[str] = "alarms_unreadable"
    error: str

    def _words(self) -> str:
        return f"  {self.error}"


@dataclass(frozen=True, kw_only=True)
class GateWaiting(Event):
    """The rollout waits for ``resume``."""

    kind: ClassVar[str] = "gate_waiting"
    reason: str

    def _words(self) -> str:
        return f"  {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Paused(Event):
    """No shift until it is resumed. Alarms stay watched."""

    kind: ClassVar[str] = "paused"


@dataclass(frozen=True, kw_only=True)
class Resumed(Event):
    """Resumed, or a gate approved."""

    kind: ClassVar[str] = "resumed"


@dataclass(frozen=True, kw_only=True)
class Drifted(Event):
    """Another hand changed the alias; `found` is ``None`` when it was deleted."""

    kind: ClassVar[str] = "drifted"
    found: Mapping[str, Any] | None
    expected: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RollingBack(Event):
    """The canary version is being taken out."""

    kind: ClassVar[str] = "rolling_back"
    cause: Cause

    def _words(self) -> str:
        return f"  {self.cause}"


@dataclass(frozen=True, kw_only=True)
class RolledBack(Event):
    """The canary version takes no traffic any more, and the alias was read back to prove it."""

    kind: ClassVar[str] = "rolled_back"
    version: str
    revision_id: str

    def _words(self) -> str:
        return f"  version {self.version} serves alone"


@dataclass(frozen=True, kw_only=True)
class Promoted(Event):
    """The canary version has all traffic, its bake has passed, and the alias was read back to prove it."""

    kind: ClassVar[str] = "promoted"
    version: str
    revision_id: str

    def _words(self) -> str:
        return f"  version {self.version} serves alone"


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """The end. Always the last."""

    kind: ClassVar[str] = "finished"
    outcome: Outcome

    def _words(self) -> str:
        return f"  {self.outcome}"


_KINDS: dict[str, type[Event]] = {event.kind: event for event in Event.__subclasses__()}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _of(document: dict[str, Any], text: str, history: Sequence[Event]) -> Event:
    """Make an event of what the library says, as a document and its text; `history` is what came before it."""
    kind = document["kind"]
    values = {key: value for key, value in document.items() if key not in {"kind", "seq", "at"}}
    match kind:
        case "checked":
            values["alarms"] = {seen["alarm"]: AlarmState(seen["state"]) for seen in values["alarms"]}
        case "hook_started":
            values = {"hook": values["hook"], "lambda_function": values.get("lambda")}
        case "hook_finished":
            values.setdefault("failure", None)
        case "shifted":
            values["from_version"], values["to_version"] = values.pop("from"), values.pop("to")
        case "alarm_changed":
            before, now = values.pop("from", None), values.pop("to", None)
            values["from_state"] = None if before is None else AlarmState(before)
            values["to_state"] = None if now is None else AlarmState(now)
        case "alarms_unreadable":
            values["error"] = _of_report(values["error"])
        case "drifted":
            values.setdefault("found", None)
        case "rolling_back":
            values["cause"] = Cause._of(values["cause"])
        case "finished":
            values = {"outcome": Outcome._of(values)}
    event = _KINDS[kind](seq=document["seq"], at=_moment(document["at"]), _document=text, **values)
    if isinstance(event, Finished):
        # The outcome shows the whole history, of which this event is the end.
        object.__setattr__(event.outcome, "events", (*history, event))
    return event
