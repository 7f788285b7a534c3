"""What a team's own tests can say about its plan: that it holds on a bad day.

Run by ``pytest examples/python/test_our_plan.py``.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from lambda_rollout import RolloutPlan, Scenario, Shifted, run

PLAN = RolloutPlan.from_file(Path(__file__).parents[1] / "canary.toml")

LEAK = """
canary.changes = [{ after = "1m", error_percent = 5.0 }]
"""


@pytest.mark.parametrize("seed", range(5))
def test_a_good_version_gets_through(seed: int) -> None:
    run(PLAN, simulate=Scenario("healthy", seed=seed)).raise_for_failure()


@pytest.mark.parametrize("seed", range(5))
def test_on_a_bad_day_everything_is_put_back(seed: int) -> None:
    outcome = run(PLAN, simulate=Scenario("bad-day", seed=seed))
    assert outcome.kind in {"rolled_back", "refused"}
    assert not any(isinstance(event, Shifted) and event.weight > 0.1 for event in outcome.events)


def test_a_leak_is_found_while_few_requests_see_it() -> None:
    outcome = run(PLAN, simulate=Scenario.from_toml(LEAK))
    assert outcome.kind == "rolled_back"
    began, ended = outcome.events[0].at, outcome.events[-1].at
    assert ended - began < timedelta(minutes=5)
