"""Hooks and alarms that the program answers itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from .duration import Duration

__all__ = [
    "AlarmReading",
    "AlarmSource",
    "AlarmState",
    "Hook",
    "HookFunction",
    "HookReport",
    "HookRequest",
]


class AlarmState(str, Enum):
    """The state of an alarm, in CloudWatch's words."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class HookRequest:
    """What a hook is told.

    Attributes
    ----------
    rollout_id : str
        The rollout.
    hook : str
        ``"before_traffic"`` or ``"after_traffic"``.
    function, alias : str
        What is rolled out.
    stable_version : str or None
        The version that serves; ``None`` when the alias does not exist yet.
    canary_version : str
        The version that is rolled out.
    weight : float
        Its share of traffic now, 0 to 1.
    parameters : Any
        What the program gave to `Hook`.
    timeout_ms : int
        How long the hook may take, in milliseconds.
    """

    rollout_id: str
    hook: str
    function: str
    alias: str
    stable_version: str | None
    canary_version: str
    weight: float
    parameters: Any
    timeout_ms: int


@dataclass(frozen=True)
class HookReport:
    """What a hook says: whether the release is good, and why.

    The reason goes into events: keep secrets out of it.

    Examples
    --------
    >>> HookReport.fail("3 of 20 orders were lost")
    HookReport(verdict='fail', reason='3 of 20 orders were lost', failure=None)
    """

    verdict: str
    reason: str = ""
    failure: str | None = None

    @classmethod
    def passed(cls, reason: str = "") -> HookReport:
        """Say that it is good."""
        return cls("pass", reason)

    @classmethod
    def fail(cls, reason: str) -> HookReport:
        """Say that it is bad: before traffic the rollout is refused, after traffic rolled back."""
        return cls("fail", reason)

    @classmethod
    def inconclusive(cls, reason: str) -> HookReport:
        """Say that it cannot be told: the rollout waits for ``resume``, alarms watched."""
        return cls("inconclusive", reason)


HookFunction = Callable[[HookRequest], "HookReport | str | bool | Awaitable[HookReport | str | bool]"]
"""Answers for a hook: with a `HookReport`, with ``"pass"``, ``"fail"`` or ``"inconclusive"``, or with a bool."""


@dataclass(frozen=True)
class Hook:
    """A function that answers for a hook, with its time-out and what else it is told.

    Parameters
    ----------
    function : HookFunction
        Sync or async. One that raises has not said no: the hook then fails with ``function_error``.
    timeout : str or timedelta, optional
        How long it may take; 15 minutes if not said. An async function is cancelled then; a sync one cannot be, and
        its answer is not waited for.
    parameters : Any, optional
        What else it is told, as JSON has it.
    """

    function: HookFunction
    timeout: Duration | None = None
    parameters: Any = None

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"parameters": self.parameters}
        if self.timeout is not None:
            options["timeout"] = self.timeout
        return options


@dataclass(frozen=True)
class AlarmReading:
    """An alarm as its source sees it.

    Attributes
    ----------
    state : AlarmState
        Its state.
    reason : str
        Why, in the source's words; it goes into events.
    since : datetime or None
        Since when, with its time zone.
    """

    state: AlarmState
    reason: str = ""
    since: datetime | None = None

    def _report(self, name: str) -> dict[str, Any]:
        since = None
        if self.since is not None:
            if self.since.tzinfo is None:
                raise ValueError("since needs a time zone, such as datetime.now(timezone.utc)")
            at = self.since.astimezone(timezone.utc)
            since = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
        return {"name": name, "state": AlarmState(self.state).value, "reason": self.reason, "since": since}


AlarmSource = Callable[[str], "AlarmReading | AlarmState | str | Awaitable[AlarmReading | AlarmState | str]"]
"""Reads an alarm, given its name: with an `AlarmReading`, or with the state alone. Sync or async."""


def report_of(answer: object) -> dict[str, Any]:
    """Write what a hook's function gave; what is none of the things that it may give fails the hook."""
    if isinstance(answer, bool):
        answer = "pass" if answer else "fail"
    if isinstance(answer, str):
        answer = HookReport(answer)
    if isinstance(answer, HookReport) and answer.verdict in {"pass", "fail", "inconclusive"}:
        return {"verdict": answer.verdict, "reason": str(answer.reason)}
    wanted = "a HookReport, `pass`, `fail`, `inconclusive` or a bool"
    given = f"`{type(answer).__name__}`" if not isinstance(answer, HookReport) else "another verdict"
    return failed("malformed_answer", f"the hook returned {given}, and not {wanted}")


def failed(failure: str, reason: str) -> dict[str, Any]:
    """Write how a hook came to no answer."""
    return {"verdict": "fail", "reason": reason, "failure": failure}


def reading_of(name: str, answer: object) -> Mapping[str, Any]:
    """Write what an alarm's source gave."""
    if isinstance(answer, str):
        answer = AlarmReading(AlarmState(answer))
    if not isinstance(answer, AlarmReading):
        raise TypeError(f"an alarm source returns an AlarmReading or a state, not {type(answer).__name__}")
    return answer._report(name)
