"""The page and the examples run as they are."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import re
import subprocess
import sys
from types import ModuleType
from typing import Any

import boto3
import pytest
from lambda_rollout import Scenario

from .conftest import LONG, ROOT
from .local_aws import REGION, simulated_endpoint


def test_the_page_does_what_it_says() -> None:
    page = (ROOT / "docs" / "python.md").read_text()
    blocks = re.findall(r"```(python|text)\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {"__name__": "docs"}
    printed = io.StringIO()
    shown = 0
    for kind, text in blocks:
        if kind == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(text, "docs/python.md", "exec"), names)
        else:
            assert printed.getvalue() == text
            shown += 1
    assert shown == 6


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / "python" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("scenario", "code"), [("healthy", 0), ("broken", 4)])
def test_the_quickstart(scenario: str, code: int) -> None:
    command = [sys.executable, str(ROOT / "examples/python/quickstart.py"), scenario]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)
    assert (done.returncode, done.stderr) == (code, "")
    assert "finished" in done.stdout.splitlines()[-1]


def test_the_service() -> None:
    outcomes = asyncio.run(example("service").main(["orders", "payments"], Scenario("healthy")))
    assert [outcome.kind for outcome in outcomes] == ["promoted", "promoted"]


def test_the_boto3_session() -> None:
    with simulated_endpoint() as endpoint:
        session = boto3.Session("AKIDEXAMPLE", "a-secret-of-the-test", region_name=REGION)
        assert example("with_boto3").release(session, "sample-handler", endpoint.url).kind == "promoted"


def test_a_teams_own_tests() -> None:
    path = str(ROOT / "examples" / "python" / "test_our_plan.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
