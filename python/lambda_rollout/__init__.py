"""Moves live traffic of an AWS Lambda alias from one version to the next, watches alarms, and rolls back by itself.

>>> import lambda_rollout
>>> plan = lambda_rollout.RolloutPlan(
...     function="sample-handler",
...     alias="main",
...     strategy=lambda_rollout.Strategy.canary(10, "5m"),
...     alarms=["sample-handler-errors"],
... )
>>> outcome = lambda_rollout.run(plan, simulate="broken")
>>> print(outcome.kind, outcome.cause.kind if outcome.cause else "")
rolled_back alarm

Without ``simulate`` the same runs on AWS, with the standard AWS configuration. `Rollout` and `AsyncRollout` give the
events as they come, and take commands.
"""

from typing import TYPE_CHECKING

from ._native import VERSION as __version__
from .errors import (
    AccessDeniedError,
    ConfigError,
    ConflictError,
    ForkedError,
    InternalError,
    JournalError,
    NotFoundError,
    PlanError,
    Problem,
    RejectedError,
    RolloutError,
    RolloutFailed,
    ThrottledError,
    UnreachableError,
    WaitTimeout,
    WrongStateError,
)
from .events import (
    AlarmChanged,
    AlarmsUnreadable,
    Checked,
    Drifted,
    Event,
    Finished,
    GateWaiting,
    HookFinished,
    HookStarted,
    Paused,
    Promoted,
    Published,
    Resumed,
    RolledBack,
    RollingBack,
    Shifted,
    Started,
    StepHeld,
)
from .hooks import AlarmReading, AlarmSource, AlarmState, Hook, HookFunction, HookReport, HookRequest
from .outcome import Cause, Outcome, RollbackTimes
from .plan import RolloutPlan, Schedule
from .rollout import Rollout, run
from .scenario import Scenario
from .status import Status
from .strategy import Duration, Step, Strategy

if TYPE_CHECKING:
    from .aio import AsyncRollout, run_async

__all__ = [
    "AccessDeniedError",
    "AlarmChanged",
    "AlarmReading",
    "AlarmSource",
    "AlarmState",
    "AlarmsUnreadable",
    "AsyncRollout",
    "Cause",
    "Checked",
    "ConfigError",
    "ConflictError",
    "Drifted",
    "Duration",
    "Event",
    "Finished",
    "ForkedError",
    "GateWaiting",
    "Hook",
    "HookFinished",
    "HookFunction",
    "HookReport",
    "HookRequest",
    "HookStarted",
    "InternalError",
    "JournalError",
    "NotFoundError",
    "Outcome",
    "Paused",
    "PlanError",
    "Problem",
    "Promoted",
    "Published",
    "RejectedError",
    "Resumed",
    "RollbackTimes",
    "RolledBack",
    "RollingBack",
    "Rollout",
    "RolloutError",
    "RolloutFailed",
    "RolloutPlan",
    "Scenario",
    "Schedule",
    "Shifted",
    "Started",
    "Status",
    "Step",
    "StepHeld",
    "Strategy",
    "ThrottledError",
    "UnreachableError",
    "WaitTimeout",
    "WrongStateError",
    "__version__",
    "run",
    "run_async",
]


def __getattr__(name: str) -> object:
    """Import what needs asyncio when it is asked for: asyncio takes longer to import than all else."""
    if name in {"AsyncRollout", "run_async"}:
        from . import aio

        return getattr(aio, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name what is there, whether it was imported already or not."""
    return sorted({*globals(), *__all__})
