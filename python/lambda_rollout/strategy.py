"""How the weight rises."""

from __future__ import annotations

from ._frozen import Frozen
from ._native import as_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .duration import Duration
    from .step import Step

__all__ = ["Strategy"]


class Strategy(Frozen):
    """How the weight rises from nothing to 100 %.

    Made by one of the class methods. AWS's own names do as well wherever a strategy is wanted, such as
    ``"CodeDeployDefault.LambdaCanary10Percent5Minutes"`` or ``"Linear10PercentEvery1Minute"``. What cannot be is told
    by the plan, with everything else that is wrong in it.

    Examples
    --------
    >>> from lambda_rollout import Step
    >>> Strategy.canary(10, "5m")
    Strategy.canary(percent=10, interval='5m')
    >>> Strategy.steps(Step(1, "10m"), Step(25, "5m", gate=True))
    Strategy.steps(Step(percent=1, hold='10m', gate=False), Step(percent=25, hold='5m', gate=True))
    """

    __slots__ = ("_document",)
    _document: Mapping[str, Any]

    @classmethod
    def canary(cls, percent: float, interval: Duration) -> Strategy:
        """Give a share of traffic for an interval; then all.

        Parameters
        ----------
        percent : float
            The share in per cent.
        interval : str or timedelta
            How long it is held.
        """
        return cls._of(kind="canary", percent=percent, interval=interval)

    @classmethod
    def linear(cls, percent: float, interval: Duration) -> Strategy:
        """Add a share of traffic after every interval; the first at once.

        Parameters
        ----------
        percent : float
            The share in per cent.
        interval : str or timedelta
            How long each weight is held.
        """
        return cls._of(kind="linear", percent=percent, interval=interval)

    @classmethod
    def exponential(cls, percent: float, interval: Duration, factor: float = 2) -> Strategy:
        """Multiply the share of traffic after every interval.

        Parameters
        ----------
        percent : float
            The first share in per cent.
        interval : str or timedelta
            How long each weight is held.
        factor : float
            What it is multiplied by, above 1.
        """
        return cls._of(kind="exponential", percent=percent, factor=factor, interval=interval)

    @classmethod
    def all_at_once(cls) -> Strategy:
        """Give all traffic in one shift."""
        return cls._of(kind="all-at-once")

    @classmethod
    def steps(cls, *steps: Step) -> Strategy:
        """Give any list of rising weights.

        Parameters
        ----------
        *steps : Step
            The weights below 100 %, each with its hold.
        """
        return cls._of(
            kind="steps",
            steps=[{"percent": step.percent, "hold": step.hold, "gate": step.gate} for step in steps],
        )

    @classmethod
    def _of(cls, **document: Any) -> Strategy:
        strategy = cls.__new__(cls)
        object.__setattr__(strategy, "_document", document)
        return strategy

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Strategy:
        """Take a strategy as plan documents have it, such as ``{"kind": "all-at-once"}``."""
        return cls._of(**_copied(document))

    def to_dict(self) -> dict[str, Any]:
        """Give it as plan documents have it."""
        return _copied(self._document)

    def __eq__(self, other: object) -> bool:
        return as_json(self._document) == as_json(other._document) if isinstance(other, Strategy) else NotImplemented

    def __hash__(self) -> int:
        return hash(as_json(self._document))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Strategy.from_dict, (self.to_dict(),))

    def __repr__(self) -> str:
        document = self.to_dict()
        kind = str(document.pop("kind", "")).replace("-", "_")
        if kind == "steps" and isinstance(document.get("steps"), list):
            from .step import Step

            arguments = [repr(Step(**step)) for step in document["steps"]]
        else:
            arguments = [f"{name}={value!r}" for name, value in document.items()]
        return f"Strategy.{kind}({', '.join(arguments)})"


def _copied(document: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a document with all that is in it, so that nobody changes a strategy through it."""
    import json

    copy = json.loads(as_json(document))
    return {key: copy[key] for key in document}
