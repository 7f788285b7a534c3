"""What a plan comes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from . import _native
from .step import Step

__all__ = ["Schedule"]


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

    @classmethod
    def _of(cls, plan: _native.Plan) -> Schedule:
        held = [(percent, timedelta(seconds=hold), gate) for percent, hold, gate in plan.steps()]
        full = sum((hold for _, hold, _ in held), timedelta())
        return cls(tuple(Step(*step) for step in held), full, timedelta(seconds=plan.bake))
