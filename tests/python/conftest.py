from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from lambda_rollout import RolloutPlan

ROOT = Path(__file__).parents[2]
LONG = 60.0
"""Seconds that are enough for anything that is told, so that a test that would hang fails."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--many", action="store_true", help="the long forms of tests: 300 interpreters that exit")


@pytest.fixture
def many(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--many"))


@pytest.fixture
def plan() -> RolloutPlan:
    return RolloutPlan("sample-handler", "main", "Canary10Percent5Minutes", alarms=["sample-handler-errors"])


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def python() -> Run:
    """Runs a script in an interpreter of its own."""

    def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-X", "dev", "-W", "error", "-c", script, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)

    return run
