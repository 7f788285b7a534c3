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

_HOMES = {
    "aio": ("AsyncRollout", "run_async"),
    "duration": ("Duration",),
    "errors": (
        "AccessDeniedError",
        "ConfigError",
        "ConflictError",
        "ForkedError",
        "InternalError",
        "JournalError",
        "NotFoundError",
        "PlanError",
        "Problem",
        "RejectedError",
        "RolloutError",
        "RolloutFailed",
        "ThrottledError",
        "UnreachableError",
        "WaitTimeout",
        "WrongStateError",
    ),
    "events": (
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
    ),
    "hooks": ("AlarmReading", "AlarmSource", "AlarmState", "Hook", "HookFunction", "HookReport", "HookRequest"),
    "outcome": ("Cause", "Outcome", "RollbackTimes"),
    "plan": ("RolloutPlan",),
    "rollout": ("Rollout", "run"),
    "scenario": ("Scenario",),
    "schedule": ("Schedule",),
    "status": ("Status",),
    "step": ("Step",),
    "strategy": ("Strategy",),
}
"""Where each name stands; type checkers read it in ``__init__.pyi``."""

_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604 # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: a script that checks a plan waits for nothing else."""
    if name in _HOMES:
        return _module(name)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(_module(_HOME[name]), name)
    globals()[name] = found
    return found


def _module(name: str) -> object:
    # As importlib would, which itself takes as long to import as a module of this package.
    return __import__(f"{__name__}.{name}", fromlist=["__name__"])


def __dir__() -> list[str]:
    """Name what is there, whether it was imported already or not."""
    return sorted({*globals(), *__all__, *_HOMES})
