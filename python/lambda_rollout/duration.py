"""Lengths of time, as people write them."""

from __future__ import annotations

from datetime import timedelta

__all__ = ["Duration"]

Duration = str | timedelta
"""A length of time: ``"5m"``, ``"2h 30m"``, ``"PT5M"``, or a `datetime.timedelta` in whole milliseconds.

A `timedelta` is never rounded: what is finer than a millisecond is refused with its path.
"""
