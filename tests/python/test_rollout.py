"""Rollouts without an event loop, on the simulated account."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from lambda_rollout import (
    AlarmState,
    Checked,
    Event,
    Finished,
    HookRequest,
    Outcome,
    PlanError,
    Rollout,
    RolloutFailed,
    RolloutPlan,
    Scenario,
    Shifted,
    Started,
    Step,
    Strategy,
    WaitTimeout,
    WrongStateError,
    run,
)
from lambda_rollout._native import NativeRollout

from .conftest import LONG


def test_a_good_version_is_promoted(plan: RolloutPlan) -> None:
    events: list[Event] = []
    outcome = run(plan, simulate=True, on_event=events.append)
    assert [event.kind for event in events] == [
        *("started", "published", "checked", "shifted", "step_held", "shifted", "promoted", "finished")
    ]
    assert (outcome.kind, outcome.exit_code, outcome.is_success, outcome.cause) == ("promoted", 0, True, None)
    assert outcome.events == tuple(events)
    outcome.raise_for_failure()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    match events[0], events[2], events[3]:
        case Started(function="sample-handler"), Checked(alarms=alarms), Shifted(weight=0.1, to_version="2"):
            assert alarms == {"sample-handler-errors": AlarmState.OK}
        case other:
            pytest.fail(f"{other}")


def test_a_bad_version_is_rolled_back_and_that_is_a_value(plan: RolloutPlan) -> None:
    outcome = run(plan, simulate="broken")
    assert (outcome.kind, outcome.exit_code, outcome.traffic_moved) == ("rolled_back", 4, True)
    assert outcome.cause is not None
    assert outcome.cause.kind == "alarm"
    assert outcome.cause.details["name"] == "sample-handler-errors"
    assert outcome.cause.message.startswith("alarm `sample-handler-errors` is in ALARM")
    assert outcome.rollback is not None
    assert outcome.rollback.decided == timedelta(0)
    with pytest.raises(RolloutFailed, match="rolled back: alarm") as caught:
        outcome.raise_for_failure()
    assert caught.value.outcome is outcome
    assert isinstance(caught.value, RuntimeError)


@pytest.mark.parametrize("name", Scenario.names())
def test_every_scenario_has_typed_events_whose_documents_are_the_event_log(name: str, plan: RolloutPlan) -> None:
    outcome = run(plan, simulate=Scenario(name, seed=5))
    again = run(plan, simulate=Scenario(name, seed=5, speed=float("inf")))
    assert [event.to_dict() for event in outcome.events] == [event.to_dict() for event in again.events]
    assert outcome == again
    for event in outcome.events:
        assert event.to_dict()["kind"] == event.kind
        assert type(event).__name__.lower() == event.kind.replace("_", "")
        assert str(event)
    assert isinstance(outcome.events[-1], Finished)
    assert pickle.loads(pickle.dumps(outcome)) == outcome


def test_what_is_done_on_an_event_is_done_at_the_events_own_time(plan: RolloutPlan) -> None:
    with Rollout(plan, simulate=True) as rollout:
        for event in rollout:
            if isinstance(event, Shifted) and event.weight < 1:
                rollout.pause()
                status = rollout.status()
                assert (status.phase, status.paused, status.weight) == ("holding", True, 0.1)
                assert status.left == timedelta(minutes=5)
                rollout.resume()
                rollout.promote()
    times = {event.kind: event.at for event in rollout.wait().events}
    assert times["paused"] == times["resumed"]
    assert "step_held" not in times


def test_a_gate_waits_for_resume() -> None:
    plan = RolloutPlan("sample-handler", "main", Strategy.steps(Step(10, "1m", gate=True)))
    scenario = Scenario.from_toml('approve_gates_after = "never"')
    with Rollout(plan, simulate=scenario) as rollout:
        for event in rollout:
            if event.kind == "gate_waiting":
                rollout.resume()
    assert rollout.wait().kind == "promoted"


def test_a_block_left_by_an_exception_is_rolled_back_and_the_exception_goes_on(plan: RolloutPlan) -> None:
    with pytest.raises(ZeroDivisionError), Rollout(plan, simulate=True) as rollout:
        for event in rollout:
            if event.kind == "shifted":
                raise ZeroDivisionError
    outcome = rollout.wait()
    assert (outcome.kind, outcome.exit_code) == ("aborted", 4)
    assert outcome.cause is not None
    assert outcome.cause.details == {"reason": "left by ZeroDivisionError"}
    assert [event.weight for event in outcome.events if isinstance(event, Shifted)] == [0.1, 0.0]


def test_an_exception_after_the_end_changes_nothing(plan: RolloutPlan) -> None:
    with pytest.raises(ZeroDivisionError), Rollout(plan, simulate=True) as rollout:
        rollout.wait()
        raise ZeroDivisionError
    assert rollout.wait().kind == "promoted"


def test_a_block_left_normally_waits_for_the_end(plan: RolloutPlan) -> None:
    with Rollout(plan, simulate=True) as rollout:
        pass
    assert [event.kind for event in rollout][-1] == "finished"
    assert rollout.wait().kind == "promoted"
    assert list(rollout) == []


def test_a_detached_rollout_runs_on_and_is_not_waited_for(plan: RolloutPlan) -> None:
    with pytest.raises(ZeroDivisionError), Rollout(plan, simulate=True) as rollout:
        assert next(rollout).kind == "started"
        rollout.detach()
        assert list(rollout) == []
        raise ZeroDivisionError
    assert rollout.wait().kind == "promoted"


def test_a_wait_has_its_time_and_loses_nothing(plan: RolloutPlan) -> None:
    with Rollout(plan, simulate=Scenario(speed=1.0)) as rollout:
        with pytest.raises(WaitTimeout) as caught:
            rollout.wait(timeout=0)
        assert isinstance(caught.value, TimeoutError)
        rollout.abort("enough")
        outcome = rollout.wait(timeout=LONG)
        with pytest.raises(WrongStateError, match="has ended"):
            rollout.abort()
    assert outcome.kind == "aborted"
    assert str(outcome) == outcome.message == "aborted: enough"
    assert [event.kind for event in rollout][-1] == "finished"


def test_what_does_not_fit_is_told_before_anything_starts(plan: RolloutPlan) -> None:
    rollout = Rollout(plan, simulate=True)
    with pytest.raises(WrongStateError, match="not started"):
        rollout.wait()
    assert repr(rollout) == "Rollout(function='sample-handler', alias='main')"
    with rollout, pytest.raises(WrongStateError, match="already"):
        rollout.start()
    assert repr(rollout) == "Rollout(function='sample-handler', alias='main', phase='done', weight=1.0)"
    with pytest.raises(PlanError, match="simulated account"):
        Rollout(plan, simulate=True, region="eu-west-1")
    with pytest.raises(PlanError, match="nonsense"):
        Rollout(plan, simulate="nonsense")
    with pytest.raises(TypeError):
        Rollout({"function": "f"})  # type: ignore[arg-type]
    with pytest.raises(PlanError, match="speed"):
        run(plan, simulate=Scenario(speed=-1.0))


def test_a_journal_is_carried_on(plan: RolloutPlan, tmp_path: object) -> None:
    journal = f"{tmp_path}/journal"
    outcome = run(plan, simulate=True, journal=journal, rollout_id="release-417")
    first = outcome.events[0]
    assert isinstance(first, Started)
    assert first.rollout_id == "release-417"


def test_threads_share_one_rollout(plan: RolloutPlan) -> None:
    with Rollout(plan, simulate="broken") as rollout, ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(list, rollout) for _ in range(2)]
        waiters = [pool.submit(rollout.wait, LONG) for _ in range(2)]
        kinds = {waiter.result(LONG).kind for waiter in waiters}
        seen = sorted(event.seq for reader in readers for event in reader.result(LONG))
    assert kinds == {"rolled_back"}
    assert seen == list(range(1, len(rollout.wait().events) + 1))


def test_a_hundred_rollouts_at_once(plan: RolloutPlan) -> None:
    start = threading.Barrier(100)

    def work(seed: int) -> Outcome:
        start.wait(LONG)
        return run(plan, simulate=Scenario("broken" if seed % 2 else "healthy", seed=seed))

    with ThreadPoolExecutor(100) as pool:
        outcomes = list(pool.map(work, range(100)))
    assert [outcome.kind for outcome in outcomes] == ["promoted", "rolled_back"] * 50


def test_waiting_leaves_the_gil_to_others(plan: RolloutPlan) -> None:
    with Rollout(plan, simulate=Scenario(speed=1.0)) as rollout:
        waiting = threading.Thread(target=rollout.wait)
        waiting.start()
        # Nobody else would ever get to this line.
        rollout.abort()
        waiting.join(LONG)
        assert not waiting.is_alive()


class Interrupting:
    """A native rollout on which Ctrl-C comes at the worst moment, once for every item: it is out, and nobody has it."""

    def __init__(self, native: NativeRollout) -> None:
        self.native = native
        self.interrupted = 0

    def next(self, timeout: float | None, seen: int) -> tuple[int, str] | None:
        item = self.native.next(timeout, seen)
        if item is not None and item[0] > self.interrupted:
            self.interrupted = item[0]
            raise KeyboardInterrupt
        return item

    def __getattr__(self, name: str) -> Any:
        return getattr(self.native, name)


def test_ctrl_c_between_the_library_and_python_loses_no_event(plan: RolloutPlan) -> None:
    hooked: list[str] = []

    def hook(request: HookRequest) -> bool:
        hooked.append(request.hook)
        return True

    rollout = Rollout(plan, simulate=True, before_traffic=hook, after_traffic=hook).start()
    inbox = rollout._taken
    inbox.native = Interrupting(inbox.native)  # type: ignore[assignment]
    taken: list[Event] = []
    interrupts = 0
    while not (taken and isinstance(taken[-1], Finished)):
        try:
            taken.append(next(rollout))
        except KeyboardInterrupt:
            interrupts += 1
    assert interrupts >= len(taken)
    assert [event.seq for event in taken] == list(range(1, len(taken) + 1))
    assert rollout.wait().events == tuple(taken)
    assert hooked == ["before_traffic", "after_traffic"]


def test_ctrl_c_that_leaves_a_taker_behind_stops_nobody(plan: RolloutPlan) -> None:
    with Rollout(plan, simulate=True) as rollout:
        rollout._taken._taker = threading.get_ident()
        with ThreadPoolExecutor(1) as pool:
            another = pool.submit(rollout.wait, LONG)
            assert next(rollout).kind == "started"
            assert another.result().is_success
