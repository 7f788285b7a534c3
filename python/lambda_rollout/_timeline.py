"""The canary version's share of traffic over time, drawn small and plain for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .events import Event
    from .plan import RolloutPlan

_WIDTH, _HEIGHT = 560, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 16, 24, 28
_LINE, _GRID, _TEXT, _BAD = "#2563eb", "#d4d4d8", "#52525b", "#dc2626"

Point = tuple[float, float]
"""Seconds from the start, and the weight from there on, 0 to 1."""


def of_plan(plan: RolloutPlan) -> str:
    """Draw what a plan comes to when all goes well."""
    points: list[Point] = []
    at, gates = 0.0, []
    for step in plan.schedule().steps:
        points.append((at, step.percent / 100))
        assert isinstance(step.hold, timedelta)
        at += step.hold.total_seconds()
        if step.gate:
            gates.append((at, "gate"))
    points.append((at, 1.0))
    bake = plan.schedule().bake.total_seconds()
    end = at + (bake or max(at * 0.1, 1.0))
    marks = [*gates, *([(at, "bake")] if bake else [])]
    return _drawn(points, end, marks, None, f"{plan.function}:{plan.alias}  {plan.strategy}")


def of_events(events: Sequence[Event]) -> str:
    """Draw what became of a rollout."""
    from .events import AlarmChanged, Finished, RollingBack, Shifted, Started

    if not events:
        return _drawn([], 1.0, [], None, "no events were seen")
    start = events[0].at
    points: list[Point] = []
    marks: list[tuple[float, str]] = []
    bad: float | None = None
    title = ""
    for event in events:
        at = (event.at - start).total_seconds()
        match event:
            case Started():
                title = f"{event.function}:{event.alias}  {event.strategy}"
            case Shifted():
                points.append((at, event.weight))
            case RollingBack():
                bad = at
            case AlarmChanged(to_state="ALARM"):
                marks.append((at, event.alarm))
            case Finished():
                title += f"  ·  {event.outcome.kind.replace('_', ' ')}"
            case _:
                pass
    end = (events[-1].at - start).total_seconds()
    return _drawn(points, max(end, 1.0), marks, bad, title)


def as_html(svg: str, text: str) -> str:
    """Put a drawing under its words."""
    return f"<div><code>{escape(text)}</code><br>{svg}</div>"


def _drawn(
    points: Sequence[Point], end: float, marks: Sequence[tuple[float, str]], bad: float | None, title: str
) -> str:
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def x(at: float) -> str:
        return f"{_LEFT + width * at / end:.1f}"

    def y(weight: float) -> str:
        return f"{_TOP + height * (1 - weight):.1f}"

    parts = [_text(str(_LEFT), "14", title, "start", _TEXT)]
    for weight in (0.0, 0.5, 1.0):
        parts.append(f'<path d="M{_LEFT} {y(weight)}H{_WIDTH - _RIGHT}" stroke="{_GRID}"/>')
        parts.append(_text(str(_LEFT - 6), f"{float(y(weight)) + 4:.1f}", f"{weight:.0%}", "end", _TEXT))
    path = f"M{x(0)} {y(0)}"
    for at, weight in points:
        path += f"H{x(at)}V{y(weight)}"
    path += f"H{x(end)}"
    parts.append(f'<path d="{path}V{y(0)}H{x(0)}Z" fill="{_LINE}" fill-opacity="0.12"/>')
    parts.append(f'<path d="{path}" fill="none" stroke="{_LINE}" stroke-width="2"/>')
    if bad is not None:
        parts.append(f'<path d="M{x(bad)} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="{_BAD}" stroke-dasharray="3 3"/>')
    for at, label in marks:
        anchor = "end" if at > end / 2 else "start"
        shift = -4 if anchor == "end" else 4
        parts.append(_text(f"{float(x(at)) + shift:.1f}", str(_TOP + 14), label, anchor, _BAD if bad else _TEXT))
    for share in (0.0, 0.5, 1.0):
        anchor = {0.0: "start", 1.0: "end"}.get(share, "middle")
        parts.append(_text(x(end * share), str(_HEIGHT - 10), _clock(end * share), anchor, _TEXT))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" font-family="sans-serif" font-size="11">{"".join(parts)}</svg>'
    )


def _text(x: str, y: str, text: str, anchor: str, colour: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _clock(seconds: float) -> str:
    if seconds < 10 and seconds % 1:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    said = [f"{count}{unit}" for count, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if count]
    return " ".join(said) or "0"
