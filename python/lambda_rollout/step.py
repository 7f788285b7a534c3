"""A step of a strategy or schedule."""

from __future__ import annotations

from dataclasses import dataclass

from .duration import Duration

__all__ = ["Step"]


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
