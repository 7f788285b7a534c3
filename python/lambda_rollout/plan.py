"""What is rolled out where, in which steps, and what is watched."""

from __future__ import annotations

from ._frozen import Frozen
from ._native import Plan
from .strategy import Strategy

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .duration import Duration
    from .schedule import Schedule

__all__ = ["RolloutPlan"]


class RolloutPlan(Frozen):
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
        name new code, such as ``{"zip": "build/handler.zip"}``; a path is as good as its text.
    alarms : sequence of str or mapping, optional
        Names of CloudWatch alarms, or a mapping with ``names`` and ``poll``, ``missing``, ``flaps`` and so on.
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

    __slots__ = ("_native",)
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
        if isinstance(alarms, str):
            raise TypeError("alarms is a sequence of names, not one str")
        if alarms is not None and not hasattr(alarms, "keys"):
            alarms = {"names": list(alarms)} if alarms else None
        document = {
            "function": function,
            "alias": alias,
            "strategy": strategy._document if isinstance(strategy, Strategy) else strategy,
            "version": str(version) if type(version) is int else version,
            "alarms": alarms,
            "bake": bake,
            "deadline": deadline,
            "rollback_deadline": rollback_deadline,
            "hooks": hooks,
        }
        given = {key: value for key, value in document.items() if value is not None}
        self._set(Plan.from_document(given, folder))

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
        return cls._of(Plan.from_document(document, folder))

    def to_dict(self) -> dict[str, Any]:
        """Give the plan as a document, every default written out. ``from_dict`` makes the same plan of it."""
        return _read(self._native.to_json())

    def schedule(self) -> Schedule:
        """Give the timeline that it comes to."""
        from .schedule import Schedule

        return Schedule._of(self._native)

    def iam_policy(self) -> dict[str, Any]:
        """Give the least IAM policy that a rollout of this plan needs."""
        return _read(self._native.policy())

    @property
    def function(self) -> str:
        """The function, as the plan names it."""
        return self._native.function

    @property
    def alias(self) -> str:
        """The alias whose traffic moves."""
        return self._native.alias

    @property
    def strategy(self) -> str:
        """The strategy's name or short form."""
        return self._native.strategy

    @property
    def alarms(self) -> tuple[str, ...]:
        """The names of the alarms that are watched."""
        return tuple(self._native.alarms)

    @property
    def folder(self) -> str | None:
        """What relative paths count from; the working directory when it is ``None``."""
        return self._native.folder

    def _set(self, native: Plan) -> None:
        object.__setattr__(self, "_native", native)

    @classmethod
    def _of(cls, native: Plan) -> RolloutPlan:
        plan = cls.__new__(cls)
        plan._set(native)
        return plan

    def __eq__(self, other: object) -> bool:
        return self._native == other._native if isinstance(other, RolloutPlan) else NotImplemented

    def __hash__(self) -> int:
        return hash((self._native.to_json(), self.folder))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unpickled, (self._native.to_json(), self.folder))

    def __repr__(self) -> str:
        document = self.to_dict()
        shown: dict[str, object] = {"function": self.function, "alias": self.alias, "strategy": self.strategy}
        if document["version"] != "publish":
            shown["version"] = document["version"]
        if self.alarms:
            shown["alarms"] = list(self.alarms)
        shown |= {key: document[key] for key in ("bake", "deadline") if key in document}
        return f"RolloutPlan({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def _repr_svg_(self) -> str:
        from . import _timeline

        return _timeline.of_plan(self)

    def _repr_html_(self) -> str:
        from . import _timeline

        return _timeline.as_html(self._repr_svg_(), repr(self))


def _read(document: str) -> dict[str, Any]:
    # It takes longer to import than this module, and a plan that is only made and run needs it not.
    import json

    read: dict[str, Any] = json.loads(document)
    return read


def _unpickled(document: str, folder: str | None) -> RolloutPlan:
    return RolloutPlan.from_dict(_read(document), folder)
