"""How the weight rises."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

__all__ = ["Duration", "Step", "Strategy"]

Duration = str | timedelta
"""A length of time: ``"5m"``, ``"2h 30m"``, ``"PT5M"``, or a `datetime.timedelta` in whole milliseconds."""


def written(duration: Duration) -> str:
    """Write a length of time as documents have it.

    A `timedelta` is never rounded: what is finer than a millisecond is refused by whoever reads it.
    """
    if isinstance(duration, str):
        return duration
    if not isinstance(duration, timedelta):
        raise TypeError(f"a duration is a str or a timedelta, not {type(duration).__name__}")
    if duration <= timedelta(0):
        return f"{duration.total_seconds():g}s"
    whole, rest = divmod(duration, timedelta(seconds=1))
    return f"{duration // timedelta(microseconds=1)}us" if rest else f"{whole}s"


@dataclass(frozen=True)
class Step:
    """A weight and how long it is held.

    Parameters
    ----------
    percent : float
        The canary version's share of traffic in per cent, from 0.01 to 99.99.
    hold : str or timedelta
        The time before the next shift.
    gate : bool
        Whether the rollout then waits for ``resume``.
    """

    percent: float
    hold: Duration
    gate: bool = False


@dataclass(frozen=True, repr=False)
class Strategy:
    """How the weight rises from nothing to 100 %.

    Made by one of the class methods. AWS's own names do as well wherever a strategy is wanted, such as
    ``"CodeDeployDefault.LambdaCanary10Percent5Minutes"`` or ``"Linear10PercentEvery1Minute"``. What cannot be is told
    by the plan, with everything else that is wrong in it.

    Examples
    --------
    >>> Strategy.canary(10, "5m")
    Strategy.canary(percent=10, interval='5m')
    >>> Strategy.steps(Step(1, "10m"), Step(25, "5m", gate=True))
    Strategy.steps(Step(percent=1, hold='10m', gate=False), Step(percent=25, hold='5m', gate=True))
    """

    _document: str

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
        return cls._of(kind="canary", percent=percent, interval=written(interval))

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
        return cls._of(kind="linear", percent=percent, interval=written(interval))

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
        return cls._of(kind="exponential", percent=percent, factor=factor, interval=written(interval))

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
            steps=[{"percent": step.percent, "hold": written(step.hold), "gate": step.gate} for step in steps],
        )

    @classmethod
    def _of(cls, **document: Any) -> Strategy:
        return cls(json.dumps(document))

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Strategy:
        """Take a strategy as plan documents have it, such as ``{"kind": "all-at-once"}``."""
        return cls._of(**document)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plan documents have it."""
        document: dict[str, Any] = json.loads(self._document)
        return document

    def __repr__(self) -> str:
        document = self.to_dict()
        kind = str(document.pop("kind", "")).replace("-", "_")
        if kind == "steps" and isinstance(document.get("steps"), Iterable):
            arguments = [repr(Step(**step)) for step in document["steps"]]
        else:
            arguments = [f"{name}={value!r}" for name, value in document.items()]
        return f"Strategy.{kind}({', '.join(arguments)})"
