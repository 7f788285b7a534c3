"""What a notebook shows of a plan and of an outcome."""

from __future__ import annotations

from xml.etree import ElementTree

from lambda_rollout import RolloutPlan, Scenario, Step, Strategy, run


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    return [element.text or "" for element in root.iter() if element.tag.endswith("text")]


def test_a_plan_shows_its_timeline() -> None:
    steps = Strategy.steps(Step(1, "10m", gate=True), Step(50, "5m"))
    plan = RolloutPlan("sample-handler", "main", steps, bake="15m")
    shown = texts(plan._repr_svg_())
    assert shown[0] == "sample-handler:main  steps 1 %, 50 %"
    assert {"gate", "bake", "0", "15m", "30m", "100%"} <= set(shown)
    assert repr(plan) not in plan._repr_html_(), "quotes are escaped"
    assert "RolloutPlan(" in plan._repr_html_()


def test_every_outcome_shows_what_became_of_it(plan: RolloutPlan) -> None:
    for name in Scenario.names():
        outcome = run(plan, simulate=name)
        assert outcome.kind.replace("_", " ") in texts(outcome._repr_svg_())[0]
    assert "sample-handler-errors" in texts(run(plan, simulate="broken")._repr_svg_())


def test_a_name_cannot_break_out_of_the_drawing() -> None:
    plan = RolloutPlan("sample-handler", "main", "Canary10Percent5Minutes", alarms=["<script>&amp;"])
    outcome = run(plan, simulate="broken")
    assert "<script>&amp;" in texts(outcome._repr_svg_())
    assert "<script>" not in plan._repr_html_() + outcome._repr_html_()
    assert texts(plan._repr_svg_())


def test_no_two_times_read_the_same() -> None:
    plan = RolloutPlan("sample-handler", "main", "AllAtOnce")
    for svg in (plan._repr_svg_(), run(plan, simulate=True)._repr_svg_()):
        assert [text for text in texts(svg) if text in {"0", "0.0s"}] == ["0"], texts(svg)
