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

from ._native import VERSION as __version__
from .aio import AsyncRollout, run_async
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
