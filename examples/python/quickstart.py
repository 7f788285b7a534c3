"""The whole story on the simulated account: no AWS account is needed, and virtual time makes it quick.

``python examples/python/quickstart.py`` promotes a healthy release; with the argument ``broken`` a failing one is put
back.
"""

from __future__ import annotations

import sys

from lambda_rollout import Outcome, Rollout, RolloutPlan, Strategy


def story(scenario: str) -> Outcome:
    plan = RolloutPlan(
        function="sample-handler",
        alias="main",
        strategy=Strategy.canary(10, "5m"),
        alarms=["sample-handler-errors"],
    )
    with Rollout(plan, simulate=scenario) as rollout:
        for event in rollout:
            print(event)
    return rollout.wait()


if __name__ == "__main__":
    sys.exit(story(*sys.argv[1:] or ["healthy"]).exit_code)
