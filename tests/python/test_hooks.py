"""Hooks and alarm sources in Python."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from lambda_rollout import (
    AlarmReading,
    AlarmState,
    AsyncRollout,
    Hook,
    HookFinished,
    HookReport,
    HookRequest,
    Outcome,
    PlanError,
    Rollout,
    RolloutPlan,
    Scenario,
    run,
    run_async,
)

from .conftest import LONG

SPEEDS = [None, float("inf")]
"""The account's clock in step with the program, and one that waits for nobody but its hooks."""


def finished(outcome: Outcome) -> list[tuple[str, str, str | None]]:
    return [(e.verdict, e.reason, e.failure) for e in outcome.events if isinstance(e, HookFinished)]


def said(answer: object) -> Callable[[HookRequest], Any]:
    return lambda _: answer


async def refuses(request: HookRequest) -> HookReport:
    await asyncio.sleep(0)
    return HookReport.fail(f"version {request.canary_version} is bad")


class CallableObject:
    async def __call__(self, request: HookRequest) -> str:
        await asyncio.sleep(0)
        return "pass"


def raises(_: HookRequest) -> bool:
    raise ValueError("no such table")


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize(
    ("hook", "kind", "expected"),
    [
        (said(True), "promoted", ("pass", "", None)),
        (said("pass"), "promoted", ("pass", "", None)),
        (said(HookReport.passed("20 orders")), "promoted", ("pass", "20 orders", None)),
        (said(False), "refused", ("fail", "", None)),
        (refuses, "refused", ("fail", "version 2 is bad", None)),
        (CallableObject(), "promoted", ("pass", "", None)),
        (raises, "refused", ("fail", "hook raised ValueError: no such table", "function_error")),
    ],
)
def test_a_hook_says_what_becomes_of_the_release(
    hook: Callable[[HookRequest], Any],
    kind: str,
    expected: tuple[str, str, str | None],
    speed: float | None,
    plan: RolloutPlan,
) -> None:
    scenario = Scenario(speed=speed)
    for outcome in [
        run(plan, simulate=scenario, before_traffic=hook),
        asyncio.run(run_async(plan, simulate=scenario, before_traffic=hook)),
    ]:
        assert outcome.kind == kind
        assert finished(outcome) == [expected]


@pytest.mark.parametrize("answer", [None, 1, "yes", HookReport("maybe")])
def test_an_answer_that_is_none_fails_the_hook(answer: object, plan: RolloutPlan) -> None:
    outcome = run(plan, simulate=True, after_traffic=said(answer))
    assert outcome.kind == "rolled_back"
    [(verdict, reason, failure)] = finished(outcome)
    assert (verdict, failure) == ("fail", "malformed_answer")
    assert reason.startswith("the hook returned ")


def test_a_hook_is_told_what_it_is_about(plan: RolloutPlan) -> None:
    told: list[HookRequest] = []

    def look(request: HookRequest) -> bool:
        told.append(request)
        return True

    run(plan, simulate=True, after_traffic=Hook(look, timeout=timedelta(minutes=2), parameters={"cell": 3}))
    [request] = told
    assert (request.hook, request.function, request.alias) == ("after_traffic", "sample-handler", "main")
    assert (request.stable_version, request.canary_version, request.weight) == ("1", "2", 1.0)
    assert (request.parameters, request.timeout_ms) == ({"cell": 3}, 120_000)


def test_an_inconclusive_hook_waits_for_resume(plan: RolloutPlan) -> None:
    outcome = run(plan, simulate=True, before_traffic=said(HookReport.inconclusive("too few orders")))
    assert [event.kind for event in outcome.events if event.kind in {"gate_waiting", "resumed"}] == [
        "gate_waiting",
        "resumed",
    ]


def test_a_sync_hook_may_run_an_event_loop_of_its_own(plan: RolloutPlan) -> None:
    def hook(request: HookRequest) -> HookReport:
        return asyncio.run(refuses(request))

    assert run(plan, simulate=True, before_traffic=hook).kind == "refused"


async def test_an_async_hook_runs_on_the_programs_loop_and_a_sync_one_does_not(plan: RolloutPlan) -> None:
    loop = asyncio.get_running_loop()
    threads: list[threading.Thread] = []

    async def on_loop(_: HookRequest) -> bool:
        return asyncio.get_running_loop() is loop

    def on_thread(_: HookRequest) -> bool:
        threads.append(threading.current_thread())
        return True

    outcome = await run_async(plan, simulate=True, before_traffic=on_loop, after_traffic=on_thread)
    assert outcome.kind == "promoted"
    assert threads
    assert threads[0] is not threading.current_thread()


async def test_an_async_hook_is_cancelled_when_the_rollout_is_put_back(plan: RolloutPlan) -> None:
    asked, cancelled = asyncio.Event(), asyncio.Event()

    async def hook(_: HookRequest) -> bool:
        asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return True

    async with AsyncRollout(plan, simulate=Scenario(speed=float("inf")), before_traffic=hook) as rollout:
        await asked.wait()
        await rollout.abort()
        outcome = await rollout.wait()
        await cancelled.wait()
    assert outcome.kind == "aborted"


def test_hooks_are_answered_while_the_program_does_something_else(plan: RolloutPlan) -> None:
    called = threading.Event()

    def hook(_: HookRequest) -> bool:
        called.set()
        return True

    with Rollout(plan, simulate=Scenario(speed=float("inf")), before_traffic=hook):
        assert called.wait(LONG)


async def test_hooks_are_answered_while_the_event_loop_does_something_else(plan: RolloutPlan) -> None:
    called = asyncio.Event()

    async def hook(_: HookRequest) -> bool:
        called.set()
        return True

    async with AsyncRollout(plan, simulate=Scenario(speed=float("inf")), before_traffic=hook):
        await asyncio.wait_for(called.wait(), LONG)


@pytest.mark.parametrize("speed", SPEEDS)
def test_an_alarm_source_is_read_in_place_of_cloudwatch(speed: float | None, plan: RolloutPlan) -> None:
    looks: list[str] = []

    def worsening(name: str) -> AlarmReading:
        looks.append(name)
        bad = len(looks) > 3
        since = datetime(2026, 1, 1, tzinfo=timezone.utc) if bad else None
        return AlarmReading(AlarmState.ALARM if bad else AlarmState.OK, "the queue grows", since)

    sources = {"sample-handler-errors": worsening}
    outcome = run(plan, simulate=Scenario(speed=speed), alarm_sources=sources)
    assert outcome.kind == "rolled_back"
    assert outcome.cause is not None
    assert outcome.cause.details == {
        "name": "sample-handler-errors",
        "state": "ALARM",
        "reason": "the queue grows",
        "time": "2026-01-01T00:00:00.000Z",
    }
    assert set(looks) == {"sample-handler-errors"}


async def state_of(_: str) -> str:
    await asyncio.sleep(0)
    return "OK"


def states(_: str) -> Awaitable[str]:
    return state_of(_)


@pytest.mark.parametrize("source", [state_of, states, lambda _: AlarmState.OK])
def test_a_source_may_give_the_state_alone(source: Callable[[str], Any], plan: RolloutPlan) -> None:
    sources = {"sample-handler-errors": source}
    assert run(plan, simulate=True, alarm_sources=sources).kind == "promoted"
    assert asyncio.run(run_async(plan, simulate=True, alarm_sources=sources)).kind == "promoted"


@pytest.mark.parametrize("answer", [None, "FINE", AlarmReading(AlarmState.OK, since=datetime(2026, 1, 1))])
def test_a_source_that_cannot_tell_is_an_outage_and_no_verdict(answer: object, plan: RolloutPlan) -> None:
    looks = iter([AlarmState.OK] * 2)
    outcome = run(plan, simulate=True, alarm_sources={"sample-handler-errors": lambda _: next(looks, answer)})
    assert outcome.cause is not None
    assert outcome.cause.kind == "alarms_unreadable"
    assert "alarm source raised" in outcome.cause.message


def test_functions_that_the_plan_has_no_place_for_are_told(plan: RolloutPlan) -> None:
    with pytest.raises(PlanError, match="does not name"):
        run(plan, simulate=True, alarm_sources={"other": said("OK")})
    with_hook = RolloutPlan("f", "a", "AllAtOnce", hooks={"before_traffic": {"lambda": "check"}})
    with pytest.raises(PlanError, match="gives to Lambda"):
        run(with_hook, simulate=True, before_traffic=said(True))
