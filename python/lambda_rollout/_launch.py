"""What the sync and the async rollout have in common: how they are started, and what needs no waiting."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from . import _logging, _native
from . import credentials as own_credentials
from ._inbox import Callables, Inbox
from .credentials import Credentials
from .errors import PlanError, WrongStateError
from .hooks import AlarmSource, Hook, HookFunction
from .plan import RolloutPlan
from .scenario import Scenario
from .status import Status

AnInbox = TypeVar("AnInbox", bound=Inbox)


class Launch(Generic[AnInbox]):
    """A rollout's plan and surroundings; the base of `Rollout` and `AsyncRollout`."""

    _inbox: AnInbox | None = None

    def __init__(
        self,
        plan: RolloutPlan,
        *,
        simulate: Scenario | str | bool | None = None,
        before_traffic: Hook | HookFunction | None = None,
        after_traffic: Hook | HookFunction | None = None,
        alarm_sources: Mapping[str, AlarmSource] | None = None,
        journal: str | os.PathLike[str] | None = None,
        rollout_id: str | None = None,
        region: str | None = None,
        profile: str | None = None,
        endpoint_url: str | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        if not isinstance(plan, RolloutPlan):
            raise TypeError(f"a rollout needs a RolloutPlan, not {type(plan).__name__}")
        self.plan = plan
        self._scenario = _scenario(simulate)
        hooks = {"before_traffic": before_traffic, "after_traffic": after_traffic}
        self._callables = Callables(
            {moment: _hook(hook) for moment, hook in hooks.items() if hook is not None},
            dict(alarm_sources or {}),
        )
        self._journal = journal
        self._rollout_id = rollout_id
        self._aws = {"region": region, "profile": profile, "endpoint_url": endpoint_url}
        self._credentials = credentials
        self._detached = False
        if self._scenario is not None and (credentials is not None or any(self._aws.values())):
            raise PlanError("a simulated account has no Region, profile, endpoint or credentials")

    @property
    def _pumped(self) -> bool:
        """Whether requests must be answered also while the program asks for nothing."""
        in_step = self._scenario is not None and self._scenario._in_step
        return bool(self._callables) and not in_step

    def _launch(self) -> _native.NativeRollout:
        _logging.begin()
        options: dict[str, Any] = self._callables.options()
        if self._journal is not None:
            options["journal"] = os.fspath(self._journal)
        if self._rollout_id is not None:
            options["rollout_id"] = self._rollout_id
        return self._start(_native.as_json(options))

    def _start(self, options: str) -> _native.NativeRollout:
        plan = self.plan._native
        if (scenario := self._scenario) is not None:
            return _native.NativeRollout.simulated(plan, options, scenario._native, scenario.seed, scenario.speed)
        configuration: dict[str, Any] = {key: value for key, value in self._aws.items() if value is not None}
        given, desk = self._credentials, None
        if given is not None and own_credentials.is_lasting(given):
            configuration["access_keys"] = own_credentials.keys_of(given)
        elif given is not None:
            configuration.setdefault("region", getattr(given, "region_name", None))
            desk = own_credentials.serve(given)
        return _native.NativeRollout.on_aws(plan, options, _native.as_json(configuration), desk)

    @property
    def _native(self) -> _native.NativeRollout:
        return self._taken.native

    @property
    def _taken(self) -> AnInbox:
        if self._inbox is None:
            raise WrongStateError(f"the rollout was not started: use `with {type(self).__name__}(...)`, or `start()`")
        return self._inbox

    def status(self) -> Status:
        """Give what it is doing now."""
        return Status._of(*self._native.status())

    def __repr__(self) -> str:
        shown: dict[str, object] = {"function": self.plan.function, "alias": self.plan.alias}
        if self._inbox is not None:
            status = self.status()
            shown |= {"phase": status.phase, "weight": status.weight}
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in shown.items())})"


def _scenario(simulate: Scenario | str | bool | None) -> Scenario | None:
    if isinstance(simulate, Scenario):
        return simulate
    if isinstance(simulate, str):
        return Scenario(simulate)
    return Scenario() if simulate else None


def _hook(hook: Hook | HookFunction) -> Hook:
    return hook if isinstance(hook, Hook) else Hook(hook)
