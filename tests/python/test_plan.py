"""Plans: what may stand in them, what is told when it may not, and what a frozen value must do."""

from __future__ import annotations

import json
import os
import pickle
from collections import UserDict
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import lambda_rollout
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lambda_rollout import PlanError, RolloutPlan, Step, Strategy
from lambda_rollout._native import as_json

from .conftest import ROOT


def canary(**more: Any) -> RolloutPlan:
    return RolloutPlan("sample-handler", "main", Strategy.canary(10, "5m"), **more)


def test_every_way_of_writing_a_plan_gives_the_same_plan() -> None:
    toml = 'function = "sample-handler"\nalias = "main"\nstrategy = "Canary10Percent5Minutes"\nbake = "10m"'
    document = {"function": "sample-handler", "alias": "main", "strategy": "Canary10Percent5Minutes", "bake": "600s"}
    plans = [
        canary(bake="10m"),
        canary(bake=timedelta(minutes=10)),
        RolloutPlan("sample-handler", "main", Strategy.canary(10.0, timedelta(minutes=5)), bake="PT10M"),
        RolloutPlan("sample-handler", "main", {"kind": "canary", "percent": 10, "interval": "5m"}, bake="10m"),
        RolloutPlan.from_toml(toml),
        RolloutPlan.from_json(json.dumps(document)),
        RolloutPlan.from_dict(document),
    ]
    assert len(set(plans)) == 1
    assert plans[0] != canary(bake="11m")
    assert plans[0] != "a plan"


def test_a_plan_can_be_pickled_and_not_changed() -> None:
    plan = canary(version=7, alarms=["one", "two"], deadline="2h", folder="/plans")
    again = pickle.loads(pickle.dumps(plan))
    assert again == plan
    assert hash(again) == hash(plan)
    assert again.folder == "/plans"
    assert again != RolloutPlan.from_dict(plan.to_dict())
    with pytest.raises(AttributeError, match="frozen"):
        plan.alias = "other"  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        delattr(plan, "alias")


def test_a_repr_can_be_read_and_evaluated() -> None:
    plan = canary(version=7, alarms=["one"], bake="10m")
    assert repr(plan) == (
        "RolloutPlan(function='sample-handler', alias='main', strategy='Canary10Percent5Minutes', "
        "version='7', alarms=['one'], bake='10m')"
    )
    assert eval(repr(plan), vars(lambda_rollout).copy()) == plan
    strategy = Strategy.steps(Step(1, "10m"), Step(25, timedelta(minutes=5), gate=True))
    assert repr(pickle.loads(pickle.dumps(strategy))) == repr(strategy)
    assert {strategy: 1}[Strategy.from_dict(strategy.to_dict())] == 1
    with pytest.raises(AttributeError, match="a Strategy is frozen"):
        strategy._document = {}
    assert eval(repr(strategy), vars(lambda_rollout).copy()) == strategy


def test_the_schedule_is_what_the_plan_comes_to() -> None:
    schedule = RolloutPlan("f", "a", Strategy.linear(25, "1m"), bake="90s").schedule()
    assert [step.percent for step in schedule.steps] == [25.0, 50.0, 75.0]
    assert schedule.time_to_full == timedelta(minutes=3)
    assert schedule.bake == timedelta(seconds=90)
    assert RolloutPlan("f", "a", Strategy.all_at_once()).schedule().steps == ()
    assert RolloutPlan("f", "a", Strategy.exponential(1, "1m", factor=10)).schedule().steps[1].percent == 10.0


def test_every_problem_is_told_at_once_with_its_path() -> None:
    with pytest.raises(PlanError) as caught:
        RolloutPlan("", "main", Strategy.canary(200, "5 parsecs"), alarms={"names": [], "polls": "1s"})
    assert isinstance(caught.value, ValueError)
    paths = {problem.path for problem in caught.value.problems}
    assert paths == {"function", "strategy.percent", "strategy.interval", "alarms.names", "alarms.polls"}
    assert all(problem.line is None and problem.right for problem in caught.value.problems)
    assert (caught.value.code, caught.value.retryable) == ("plan", False)


def test_a_documents_problem_has_its_line() -> None:
    with pytest.raises(PlanError) as caught:
        RolloutPlan.from_toml('function = "f"\nalias = "a"\nstrategy = "Nonsense"')
    assert [(problem.path, problem.line) for problem in caught.value.problems] == [("strategy", 3)]


@pytest.mark.parametrize("wrong", [timedelta(seconds=-1), timedelta(microseconds=1500)])
def test_a_timedelta_that_is_no_time_is_a_problem_of_its_key(wrong: timedelta) -> None:
    with pytest.raises(PlanError) as caught:
        canary(bake=wrong)
    assert [problem.path for problem in caught.value.problems] == ["bake"]


def test_no_time_is_no_bake_and_no_deadline_at_all() -> None:
    assert canary(bake=timedelta(0)) == canary()
    with pytest.raises(PlanError) as caught:
        canary(deadline=timedelta(0))
    assert [problem.path for problem in caught.value.problems] == ["deadline"]


def test_arguments_of_another_type_are_type_errors() -> None:
    with pytest.raises(TypeError, match="not one str"):
        canary(alarms="one")
    with pytest.raises(
        TypeError, match=r"^hooks\.before_traffic\.parameters\.of\[1\]: a document has no set; it has a str"
    ):
        canary(hooks={"before_traffic": {"lambda": "f", "parameters": {"of": [1, {2}]}}})
    with pytest.raises(TypeError, match=r"^alarms: a document's keys are str, not int"):
        canary(alarms={1: "one"})
    with pytest.raises(PlanError, match=r"^strategy\.interval: "):
        canary_of(300)


def canary_of(interval: Any) -> RolloutPlan:
    return RolloutPlan("sample-handler", "main", Strategy.canary(10, interval))


def test_a_document_may_be_of_any_mapping_with_times_where_they_stand() -> None:
    document = MappingProxyType(
        {
            "function": "sample-handler",
            "alias": "main",
            "strategy": {"kind": "canary", "percent": 10, "interval": timedelta(minutes=5)},
            "alarms": MappingProxyType({"names": ("one",), "poll": timedelta(milliseconds=1500)}),
        }
    )
    assert RolloutPlan.from_dict(document) == canary(alarms={"names": ["one"], "poll": "1500ms"})
    assert canary(version={"zip": Path("build") / "handler.zip"}) == canary(version={"zip": "build/handler.zip"})


def test_text_that_is_no_unicode_is_a_plan_error() -> None:
    for wrong in (Strategy.from_dict, RolloutPlan.from_dict):
        with pytest.raises(PlanError, match=r"^kind: the text is no Unicode"):
            wrong({"kind": "\ud800"})
    with pytest.raises(PlanError, match=r"^version: the text is no Unicode"):
        canary(version={"\ud800": 1})
    with pytest.raises(PlanError, match=r"^version\.zip: the path is no Unicode"):
        canary(version={"zip": Path(os.fsdecode(b"\xff"))})


def test_a_document_that_holds_itself_is_a_plan_error() -> None:
    endless: dict[str, Any] = {}
    endless["parameters"] = endless
    with pytest.raises(PlanError, match="does it hold itself"):
        canary(hooks={"before_traffic": endless})
    with pytest.raises(ZeroDivisionError):
        RolloutPlan.from_dict(Raising())


class Raising(UserDict[str, Any]):
    def items(self) -> Any:
        raise ZeroDivisionError


def test_plans_of_examples_are_read_with_their_folder() -> None:
    for path in sorted((ROOT / "examples").glob("*.toml")):
        plan = RolloutPlan.from_file(path)
        assert plan.folder == str(ROOT / "examples")
        assert RolloutPlan.from_dict(plan.to_dict(), folder=plan.folder) == plan
    with pytest.raises(PlanError, match="no such file"):
        RolloutPlan.from_file(Path("nowhere.toml"))


def test_the_policy_names_the_function() -> None:
    assert "sample-handler" in json.dumps(canary().iam_policy())


durations = st.timedeltas(timedelta(milliseconds=1), timedelta(days=300)).map(
    lambda time: timedelta(milliseconds=max(time // timedelta(milliseconds=1), 1))
)
shares = st.integers(1, 9999).map(lambda points: points / 100)
strategies = st.one_of(
    st.builds(Strategy.canary, shares, durations),
    st.builds(Strategy.linear, st.integers(1, 99), durations),
    st.builds(Strategy.all_at_once),
    st.lists(st.tuples(st.integers(1, 9999), durations, st.booleans()), min_size=1, unique_by=lambda step: step[0]).map(
        lambda steps: Strategy.steps(*(Step(points / 100, hold, gate) for points, hold, gate in sorted(steps)))
    ),
)
names = st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True)
plans = st.builds(
    RolloutPlan,
    names,
    names,
    strategies,
    version=st.none() | st.integers(1, 10**6),
    alarms=st.lists(names, unique=True),
    bake=st.none() | durations | st.just(timedelta(0)),
    deadline=st.none(),
    rollback_deadline=st.none() | durations.filter(lambda time: time >= timedelta(seconds=10)),
)


@given(plans)
def test_a_document_makes_the_same_plan_again(plan: RolloutPlan) -> None:
    document = plan.to_dict()
    assert RolloutPlan.from_dict(document) == plan
    assert RolloutPlan.from_json(json.dumps(document)) == plan
    assert RolloutPlan.from_dict(document).to_dict() == document
    assert pickle.loads(pickle.dumps(plan)) == plan


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["function", "alias", "strategy", "version", "bake", "alarms", "hooks", "deadline", "other"])


@given(st.dictionaries(keys, json_values))
def test_a_dict_and_its_text_have_the_same_problems(document: dict[str, Any]) -> None:
    def problems(make: Any) -> list[tuple[str, str, str]] | RolloutPlan:
        try:
            plan: RolloutPlan = make()
            return plan
        except PlanError as error:
            return sorted((problem.path, problem.wrong, problem.right) for problem in error.problems)

    of_dict = problems(lambda: RolloutPlan.from_dict(document))
    assert of_dict == problems(lambda: RolloutPlan.from_json(json.dumps(document)))


def test_a_number_that_json_has_not_is_a_plan_error() -> None:
    with pytest.raises(PlanError, match=r"^strategy\.percent: `NaN` is not a number"):
        RolloutPlan("f", "a", Strategy.canary(float("nan"), "5m"))
    with pytest.raises(PlanError, match=r"^strategy\.percent: `inf` is not a number"):
        RolloutPlan("f", "a", Strategy.canary(10**400, "5m"))
    with pytest.raises(PlanError, match=r"^strategy\.percent: "):
        RolloutPlan("f", "a", Strategy.canary(10**30, "5m"))


@given(json_values)
def test_documents_are_written_as_python_writes_them(document: Any) -> None:
    assert json.loads(as_json(document)) == document
