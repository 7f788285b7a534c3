"""Times a new interpreter up to where a first call could be made, boto3's beside this package's, in turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

ROUNDS = 21
PLAN = 'RolloutPlan("sample-handler", "main", "Canary10Percent5Minutes", alarms=["sample-handler-errors"])'
SCRIPTS = {
    "bare interpreter": "pass",
    "import lambda_rollout, a plan": f"from lambda_rollout import RolloutPlan; {PLAN}",
    "the same, and a simulated rollout": f"from lambda_rollout import RolloutPlan, run; run({PLAN}, simulate=True)",
    'import boto3, boto3.client("lambda")': 'import boto3; boto3.client("lambda")',
}
ENVIRONMENT = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


def once(script: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", script], check=True, env=ENVIRONMENT)
    return 1000 * (time.perf_counter() - began)


times: dict[str, list[float]] = {name: [] for name in SCRIPTS}
for _ in range(ROUNDS):
    for name, script in SCRIPTS.items():
        times[name].append(once(script))
bare = statistics.median(times["bare interpreter"])
print("| | time | above a bare interpreter |")
print("|---|---:|---:|")
for name, measured in times.items():
    median = statistics.median(measured)
    print(f"| {name} | {median:.0f} ms | {median - bare:.0f} ms |")
