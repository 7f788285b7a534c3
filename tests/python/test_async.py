"""Rollouts on asyncio, on the simulated account."""

from __future__ import annotations

import asyncio

import pytest
from lambda_rollout import (
    AsyncRollout,
    Event,
    Outcome,
    Rollout,
    RolloutPlan,
    Scenario,
    Shifted,
    WaitTimeout,
    WrongStateError,
    run_async,
)

from .conftest import LONG


async def test_it_has_the_same_history_as_without_an_event_loop(plan: RolloutPlan) -> None:
    seen: list[Event] = []

    async def keep(event: Event) -> None:
        seen.append(event)

    outcome = await run_async(plan, simulate="broken", on_event=keep)
    with Rollout(plan, simulate="broken") as rollout:
        expected = await asyncio.to_thread(rollout.wait)
    assert outcome == expected
    assert tuple(seen) == outcome.events == expected.events


def test_both_have_the_same_methods() -> None:
    def public(of: type) -> set[str]:
        return {name for name in dir(of) if not name.startswith("_")}

    assert public(Rollout) == public(AsyncRollout)


async def test_commands_are_given_at_the_events_own_time(plan: RolloutPlan) -> None:
    async with AsyncRollout(plan, simulate=True) as rollout:
        async for event in rollout:
            if isinstance(event, Shifted) and event.weight < 1:
                await rollout.pause()
                assert rollout.status().paused
                await rollout.resume()
                await rollout.promote()
    times = {event.kind: event.at for event in (await rollout.wait()).events}
    assert times["paused"] == times["resumed"]
    assert "step_held" not in times


async def test_a_block_left_by_an_exception_is_rolled_back(plan: RolloutPlan) -> None:
    rollout = AsyncRollout(plan, simulate=True)
    with pytest.raises(ZeroDivisionError):
        async with rollout:
            async for event in rollout:
                if event.kind == "shifted":
                    raise ZeroDivisionError
    outcome = await rollout.wait()
    assert (outcome.kind, outcome.exit_code) == ("aborted", 4)
    with pytest.raises(WrongStateError):
        await rollout.abort()


async def test_a_cancelled_task_rolls_back_first(plan: RolloutPlan) -> None:
    rollout = AsyncRollout(plan, simulate=Scenario(speed=1000.0))
    shifted = asyncio.Event()

    async def release() -> None:
        async with rollout:
            async for event in rollout:
                if event.kind == "shifted":
                    shifted.set()
                    await rollout.pause()
                    await asyncio.Event().wait()

    task = asyncio.create_task(release())
    await asyncio.wait_for(shifted.wait(), LONG)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    outcome = await rollout.wait()
    assert (outcome.kind, outcome.exit_code) == ("aborted", 4)


async def test_cancelling_who_waits_stops_the_waiting_alone(plan: RolloutPlan) -> None:
    async with AsyncRollout(plan, simulate=Scenario(speed=1.0)) as rollout:
        with pytest.raises(WaitTimeout):
            await rollout.wait(timeout=0.01)
        reader = asyncio.create_task(rollout.__anext__())
        waiter = asyncio.create_task(rollout.wait())
        other = asyncio.create_task(rollout.wait())
        assert (await reader).kind == "started"
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        await rollout.abort()
        assert (await asyncio.wait_for(other, LONG)).kind == "aborted"


async def test_a_detached_rollout_runs_on(plan: RolloutPlan) -> None:
    async with AsyncRollout(plan, simulate=True) as rollout:
        await rollout.detach()
        assert [event async for event in rollout] == []
    assert (await asyncio.wait_for(rollout.wait(), LONG)).kind == "promoted"


async def test_a_hundred_rollouts_at_once(plan: RolloutPlan) -> None:
    async def work(seed: int) -> Outcome:
        return await run_async(plan, simulate=Scenario("broken" if seed % 2 else "healthy", seed=seed))

    outcomes = await asyncio.gather(*(work(seed) for seed in range(100)))
    assert [outcome.kind for outcome in outcomes] == ["promoted", "rolled_back"] * 50


async def test_a_rollout_starts_once(plan: RolloutPlan) -> None:
    async with AsyncRollout(plan, simulate=True) as rollout:
        with pytest.raises(WrongStateError, match="already"):
            await rollout.start()


def test_a_program_on_trio_is_told_what_to_do(plan: RolloutPlan) -> None:
    trio = pytest.importorskip("trio")
    with pytest.raises(RuntimeError, match=r"asyncio.*under trio use .*to_thread"):
        trio.run(run_async, plan)

    async def in_a_thread() -> Outcome:
        from lambda_rollout import run

        outcome = await trio.to_thread.run_sync(lambda: run(plan, simulate="broken"))
        assert isinstance(outcome, Outcome)
        return outcome

    assert trio.run(in_a_thread).kind == "rolled_back"
