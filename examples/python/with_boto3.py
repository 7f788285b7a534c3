"""A release with the Region and the credentials of a boto3 session, such as one that has assumed a role."""

from __future__ import annotations

import boto3
from lambda_rollout import Outcome, RolloutPlan, Strategy, run


def release(session: boto3.Session, function: str, endpoint_url: str | None = None) -> Outcome:
    plan = RolloutPlan(
        function,
        "main",
        Strategy.canary(10, "250ms"),
        alarms={"names": [f"{function}-errors"], "poll": "100ms"},
    )
    outcome = run(plan, credentials=session, endpoint_url=endpoint_url, on_event=print)
    outcome.raise_for_failure()
    return outcome


if __name__ == "__main__":
    release(boto3.Session(), "sample-handler")
