"""What a rollout is doing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .hooks import AlarmState

__all__ = ["Status"]


@dataclass(frozen=True)
class Status:
    """What a rollout is doing now.

    Attributes
    ----------
    rollout_id : str
        The rollout.
    at : datetime
        As of when, in UTC, by the rollout's clock.
    phase : str
        ``"holding"``, ``"baking"``, ``"rolling_back"`` and so on.
    paused : bool
        Whether it is paused.
    step, steps : int
        The steps taken, and those that there are.
    weight : float
        The canary version's share of traffic, 0 to 1.
    stable_version, canary_version : str or None
        ``None`` as long as it is not learnt.
    routing : mapping or None
        Where the alias was last seen to point.
    left : timedelta or None
        Of the hold or bake under way.
    alarms : mapping of str to AlarmState
        The alarms as they were last seen.
    """

    rollout_id: str
    at: datetime
    phase: str
    paused: bool
    step: int
    steps: int
    weight: float
    stable_version: str | None
    canary_version: str | None
    routing: Mapping[str, Any] | None = field(hash=False)
    left: timedelta | None
    alarms: Mapping[str, AlarmState] = field(hash=False)

    @classmethod
    def _of(cls, text: str, left: float | None) -> Status:
        document = json.loads(text)
        document["at"] = datetime.fromisoformat(document["at"].replace("Z", "+00:00"))
        document["alarms"] = {name: AlarmState(state) for name, state in document["alarms"].items()}
        return cls(left=None if left is None else timedelta(seconds=left), **document)
