"""Rollouts over HTTP, as boto3 users configure them."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import threading
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from lambda_rollout import (
    AsyncRollout,
    ConfigError,
    HookRequest,
    Outcome,
    Rollout,
    RolloutError,
    RolloutPlan,
    Shifted,
    Step,
    Strategy,
    run,
    run_async,
)
from lambda_rollout.credentials import Credentials

from .conftest import LONG
from .local_aws import REGION, SimulatedEndpoint, ministack, simulated_endpoint

KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "a-secret-of-the-test"}


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for variable in ["AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture
def endpoint() -> Iterator[SimulatedEndpoint]:
    with simulated_endpoint() as endpoint:
        yield endpoint


def quick(function: str = "sample-handler", **more: Any) -> RolloutPlan:
    steps = Strategy.steps(Step(10, "250ms"), Step(50, "250ms"))
    alarms = {"names": [f"{function}-errors"], "poll": "100ms"}
    return RolloutPlan(function, "main", steps, alarms=alarms, bake="250ms", **more)


class FrozenCredentials:
    access_key, secret_key, token = "AKIDEXAMPLE", "a-secret-of-the-test", None


class OwnCredentials:
    def get_frozen_credentials(self) -> FrozenCredentials:
        return FrozenCredentials()


@pytest.mark.parametrize(
    "credentials",
    [
        KEYS,
        {"AccessKeyId": "AKID", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": datetime.now(timezone.utc)},
        ("AKIDEXAMPLE", "a-secret-of-the-test"),
        ("AKIDEXAMPLE", "a-secret-of-the-test", None),
        OwnCredentials(),
        lambda: KEYS,
        OwnCredentials,
    ],
)
def test_credentials_are_taken_in_every_form(credentials: Credentials, endpoint: SimulatedEndpoint) -> None:
    outcome = run(quick(), region=REGION, endpoint_url=endpoint.url, credentials=credentials)
    assert outcome.kind == "promoted", outcome
    assert endpoint.alias_weights() == [0.1, 0.5, 0.0]


def test_a_boto3_session_is_all_that_is_needed(endpoint: SimulatedEndpoint) -> None:
    session = boto3.Session("AKIDEXAMPLE", "a-secret-of-the-test", region_name=REGION)
    assert run(quick(), endpoint_url=endpoint.url, credentials=session).kind == "promoted"


def test_credentials_that_run_out_are_asked_for_again(endpoint: SimulatedEndpoint) -> None:
    asked = 0

    def credentials() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return {**KEYS, "session_token": "t", "expires_at": datetime.now(timezone.utc) + timedelta(seconds=1)}

    assert run(quick(), region=REGION, endpoint_url=endpoint.url, credentials=credentials).kind == "promoted"
    assert asked > 1
    for thread in threading.enumerate():
        if thread.name == "lambda-rollout credentials":
            # It goes with its rollout.
            thread.join(LONG)
            assert not thread.is_alive()


def test_the_environment_and_the_profile_count_as_in_boto3(
    endpoint: SimulatedEndpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "config").write_text(f"[profile release]\nregion = {REGION}\n")
    (tmp_path / "credentials").write_text("[release]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
    assert run(quick(), profile="release").kind == "promoted"
    monkeypatch.setenv("AWS_PROFILE", "release")
    assert run(quick(version=2)).kind == "nothing_to_do"


def test_credentials_that_cannot_be_had_are_no_verdict_on_the_canary(endpoint: SimulatedEndpoint) -> None:
    def credentials() -> Any:
        raise LookupError("the vault is sealed")

    outcome = run(quick(), region=REGION, endpoint_url=endpoint.url, credentials=credentials)
    assert (outcome.kind, outcome.traffic_moved) == ("refused", False)
    assert outcome.cause is not None
    assert outcome.cause.details["error"]["kind"] == "config"
    for wrong in [("a",), {"access_key_id": "a"}, {**KEYS, "token": "t"}]:
        with pytest.raises((TypeError, ValueError)) as caught:
            run(quick(), region=REGION, endpoint_url=endpoint.url, credentials=wrong)
        assert "secret-of-the-test" not in str(caught.value)


def test_without_a_region_nothing_starts(plan: RolloutPlan) -> None:
    with pytest.raises(ConfigError) as caught:
        run(plan)
    assert isinstance(caught.value, RolloutError)
    assert isinstance(caught.value, OSError)
    assert caught.value.advice


def test_a_firing_alarm_rolls_back(endpoint: SimulatedEndpoint) -> None:
    with Rollout(quick(), region=REGION, endpoint_url=endpoint.url, credentials=KEYS) as rollout:
        for event in rollout:
            if isinstance(event, Shifted) and event.weight == 0.1:
                endpoint.set_alarm("sample-handler-errors", "ALARM")
    outcome = rollout.wait()
    assert (outcome.kind, outcome.exit_code) == ("rolled_back", 4)
    assert endpoint.alias_weights() == [0.1, 0.0]


def test_an_exception_puts_everything_back(endpoint: SimulatedEndpoint) -> None:
    async def release() -> None:
        async with AsyncRollout(quick(), region=REGION, endpoint_url=endpoint.url, credentials=KEYS) as rollout:
            async for event in rollout:
                if event.kind == "shifted":
                    raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(release())
    assert endpoint.alias_weights() == [0.1, 0.0]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_hooks_are_answered_while_the_program_only_waits(asynchronous: bool, endpoint: SimulatedEndpoint) -> None:
    looks: list[str] = []

    def look(request: HookRequest) -> bool:
        looks.append(request.hook)
        return True

    async def look_async(request: HookRequest) -> bool:
        return look(request)

    there: dict[str, Any] = {"region": REGION, "endpoint_url": endpoint.url, "credentials": KEYS}
    if asynchronous:
        outcome = asyncio.run(run_async(quick(), before_traffic=look_async, after_traffic=look_async, **there))
    else:
        with Rollout(quick(), before_traffic=look, after_traffic=look, **there) as rollout:
            pass
        outcome = rollout.wait()
    assert outcome.kind == "promoted", outcome
    assert looks == ["before_traffic", "after_traffic"]


def test_what_aws_said_is_told(endpoint: SimulatedEndpoint) -> None:
    endpoint.fault("GetAlias", "denied")
    outcome = run(quick(), region=REGION, endpoint_url=endpoint.url, credentials=KEYS)
    assert outcome.kind == "refused"
    assert outcome.cause is not None
    assert "lambda:GetAlias" in outcome.cause.message


HANDLER = "def handler(event, context):\n    return {'verdict': 'pass', 'reason': 'all is well'}\n"


@pytest.fixture
def session() -> boto3.Session:
    return boto3.Session("test", "test", region_name=REGION)


def create(session: boto3.Session, url: str, name: str) -> Any:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as contents:
        contents.writestr("index.py", HANDLER)
    client = session.client("lambda", endpoint_url=url)
    client.create_function(
        FunctionName=name,
        Runtime=f"python3.{sys.version_info.minor}",
        Role="arn:aws:iam::000000000000:role/sample",
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
        Publish=True,
    )
    client.create_alias(FunctionName=name, Name="main", FunctionVersion="1")
    session.client("cloudwatch", endpoint_url=url).put_metric_alarm(
        AlarmName=f"{name}-errors",
        Namespace="AWS/Lambda",
        MetricName=f"errors-of-{name}",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    return client


def change(client: Any, name: str) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as contents:
        contents.writestr("index.py", HANDLER + "# changed\n")
    client.update_function_code(FunctionName=name, ZipFile=archive.getvalue())
    client.get_waiter("function_updated_v2").wait(FunctionName=name)


def test_an_emulator_by_other_hands_agrees(session: boto3.Session) -> None:
    with ministack() as url:
        for name, bad in [("good-handler", False), ("bad-handler", True)]:
            client = create(session, url, name)
            change(client, name)
            outcome = _rollout(session, url, name, bad)
            alias = client.get_alias(FunctionName=name, Name="main")
            assert outcome.kind == ("rolled_back" if bad else "promoted"), outcome
            assert alias["FunctionVersion"] == ("1" if bad else "2")
            assert not alias.get("RoutingConfig", {}).get("AdditionalVersionWeights")
            assert json.dumps(outcome.events[-1].to_dict())


def _rollout(session: boto3.Session, url: str, name: str, bad: bool) -> Outcome:
    with Rollout(quick(name), endpoint_url=url, credentials=session) as rollout:
        for event in rollout:
            if bad and isinstance(event, Shifted) and event.weight == 0.1:
                session.client("cloudwatch", endpoint_url=url).set_alarm_state(
                    AlarmName=f"{name}-errors", StateValue="ALARM", StateReason="by hand"
                )
    return rollout.wait()
