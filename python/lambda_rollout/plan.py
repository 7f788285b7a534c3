"""What is rolled out where, in which steps, and what is watched."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, cast

from . import _timeline
from ._native import Plan
from .strategy import Duration, Step, Strategy, written

__all__ = ["RolloutPlan", "Schedule"]


@dataclass(frozen=True)
class Schedule:
    """The timeline that a plan comes to.

    Attributes
    ----------
    steps : tuple of Step
        Every weight below 100 % in per cent, with its hold as a `timedelta`.
    time_to_full : timedelta
        From the first shift to 100 %, gates and pauses apart.
    bake : timedelta
        How long 100 % is watched.
    """

    steps: tuple[Step, ...]
    time_to_full: timedelta
    bake: timedelta


def _keyed(duration: object) -> object:
    """Write a duration; what is none is left to the reader of documents, which says so with its path."""
    return written(duration) if isinstance(duration, timedelta) else duration


class RolloutPlan:
    """A checked plan: what is rolled out where, in which steps, and what is watched.

    Frozen, equal, hashable and picklable. What stands in it is said in full on the page ``docs/plan.md``.

    Parameters
    ----------
    function : str
        Name, partial ARN or ARN of the Lambda function; an ARN also says the Region.
    alias : str
        The alias whose traffic moves.
    strategy : Strategy, str or mapping
        How the weight rises: a `Strategy`, one of AWS's names, or as a document has it.
    version : str, int or mapping, optional
        ``"publish"`` (the default) publishes what ``$LATEST`` is; ``7`` or ``"7"`` is a version that exists; mappings
        name new code, such as ``{"zip": "build/handler.zip"}``.
    alarms : sequence of str or mapping, optional
        Names of CloudWatch alarms, or a mapping with ``names`` and ``poll``, ``missing`` and so on.
    bake : str or timedelta, optional
        How long to watch after 100 %, rollback armed.
    deadline : str or timedelta, optional
        Time for the whole rollout.
    rollback_deadline : str or timedelta, optional
        Time that putting back may take; 15 minutes if not said.
    hooks : mapping, optional
        Lambda functions that are asked, as documents have them. Python functions are given to ``Rollout``.
    folder : str or path, optional
        What relative paths in `version` count from; the working directory if not said.

    Raises
    ------
    PlanError
        With every problem and its path.

    Examples
    --------
    >>> plan = RolloutPlan("sample-handler", "main", "Canary10Percent5Minutes", alarms=["sample-handler-errors"])
    >>> plan
    RolloutPlan(function='sample-handler', alias='main', strategy='Canary10Percent5Minutes', \
alarms=['sample-handler-errors'])
    >>> plan.schedule().steps
    (Step(percent=10.0, hold=datetime.timedelta(seconds=300), gate=False),)
    >>> RolloutPlan("sample-handler", "", "Canary10Percent5Parsecs")
    Traceback (most recent call last):
        ...
    lambda_rollout.errors.PlanError: alias: the alias is empty; ...
    strategy: `Canary10Percent5Parsecs` is no strategy; ...
    """

    __slots__ = ("__dict__", "_native")
    _native: Plan

    def __init__(
        self,
        function: str,
        alias: str,
        strategy: Strategy | str | Mapping[str, Any],
        *,
        version: str | int | Mapping[str, Any] | None = None,
        alarms: Sequence[str] | Mapping[str, Any] | None = None,
        bake: Duration | None = None,
        deadline: Duration | None = None,
        rollback_deadline: Duration | None = None,
        hooks: Mapping[str, Mapping[str, Any]] | None = None,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        watched: object = alarms
        if isinstance(alarms, Mapping):
            watched = _with_written_times(alarms)
        elif alarms is not None:
            if isinstance(alarms, str):
                raise TypeError("alarms is a sequence of names, not one str")
            watched = {"names": list(alarms)} if alarms else None
        document = {
            "function": function,
            "alias": alias,
            "strategy": strategy.to_dict() if isinstance(strategy, Strategy) else strategy,
            "version": str(version) if type(version) is int else version,
            "alarms": watched,
            "bake": _keyed(bake),
            "deadline": _keyed(deadline),
            "rollback_deadline": _keyed(rollback_deadline),
            "hooks": None if hooks is None else {moment: _with_written_times(hook) for moment, hook in hooks.items()},
        }
        given = {key: value for key, value in document.items() if value is not None}
        self._set(Plan.from_document(json.dumps(given), folder))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> RolloutPlan:
        """Read a plan from a file; its ending says whether it is TOML, JSON or YAML.

        Raises
        ------
        PlanError
            Also when there is no such file.
        """
        return cls._of(Plan.from_file(path))

    @classmethod
    def from_toml(cls, text: str) -> RolloutPlan:
        r"""Read a plan from TOML text.

        Examples
        --------
        >>> RolloutPlan.from_toml('function = "sample-handler"\nalias = "main"\nstrategy = "AllAtOnce"').strategy
        'AllAtOnce'
        """
        return cls._of(Plan.from_toml(text))

    @classmethod
    def from_json(cls, text: str) -> RolloutPlan:
        """Read a plan from JSON text."""
        return cls._of(Plan.from_json(text))

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], folder: str | os.PathLike[str] | None = None) -> RolloutPlan:
        """Take a plan as a document that is parsed already; `folder` is what relative paths count from."""
        return cls._of(Plan.from_document(json.dumps(document), folder))

    def to_dict(self) -> dict[str, Any]:
        """Give the plan as a document, every default written out. ``from_dict`` makes the same plan of it."""
        return cast("dict[str, Any]", json.loads(self._native.to_json()))

    def schedule(self) -> Schedule:
        """Give the timeline that it comes to."""
        steps = tuple(Step(percent, timedelta(seconds=hold), gate) for percent, hold, gate in self._native.steps())
        full = sum((cast("timedelta", step.hold) for step in steps), timedelta())
        return Schedule(steps, full, timedelta(seconds=self._native.bake))

    def iam_policy(self) -> dict[str, Any]:
        """Give the least IAM policy that a rollout of this plan needs."""
        return cast("dict[str, Any]", json.loads(self._native.policy()))

    @cached_property
    def _document(self) -> dict[str, Any]:
        return self.to_dict()

    @property
    def function(self) -> str:
        """The function, as the plan names it."""
        return str(self._document["function"])

    @property
    def alias(self) -> str:
        """The alias whose traffic moves."""
        return str(self._document["alias"])

    @property
    def strategy(self) -> str:
        """The strategy's name or short form."""
        return self._native.strategy

    @property
    def alarms(self) -> tuple[str, ...]:
        """The names of the alarms that are watched."""
        return tuple(self._document.get("alarms", {}).get("names", ()))

    @property
    def folder(self) -> str | None:
        """What relative paths count from; the working directory when it is ``None``."""
        folder = self._native.folder
        return None if folder is None else str(folder)

    def _set(self, native: Plan) -> None:
        object.__setattr__(self, "_native", native)

    @classmethod
    def _of(cls, native: Plan) -> RolloutPlan:
        plan = cls.__new__(cls)
        plan._set(native)
        return plan

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a RolloutPlan is frozen: cannot set {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a RolloutPlan is frozen: cannot delete {name!r}")

    def __eq__(self, other: object) -> bool:
        return self._native == other._native if isinstance(other, RolloutPlan) else NotImplemented

    def __hash__(self) -> int:
        return hash((self._native.to_json(), self.folder))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unpickled, (self._native.to_json(), self.folder))

    def __repr__(self) -> str:
        shown: dict[str, object] = {"function": self.function, "alias": self.alias, "strategy": self.strategy}
        if self._document["version"] != "publish":
            shown["version"] = self._document["version"]
        if self.alarms:
            shown["alarms"] = list(self.alarms)
        shown |= {key: self._document[key] for key in ("bake", "deadline") if key in self._document}
        return f"RolloutPlan({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def _repr_svg_(self) -> str:
        return _timeline.of_plan(self)

    def _repr_html_(self) -> str:
        return _timeline.as_html(self._repr_svg_(), repr(self))


def _with_written_times(section: Mapping[str, Any]) -> dict[str, Any]:
    """Write the durations of a part of a document."""
    return {
        key: _with_written_times(value) if isinstance(value, Mapping) and key == "unreadable" else _keyed(value)
        for key, value in section.items()
    }


def _unpickled(document: str, folder: str | None) -> RolloutPlan:
    return RolloutPlan.from_dict(json.loads(document), folder)
