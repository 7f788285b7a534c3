"""What a simulated account is like and what befalls it."""

from __future__ import annotations

import os

from ._native import NativeScenario

__all__ = ["Scenario"]


class Scenario:
    """What a simulated account is like and what befalls it.

    The same plan, scenario and seed give the same history. How to write one stands in ``docs/scenarios.md``.

    Parameters
    ----------
    name : str
        One that comes with the library, see `names`.
    seed : int, optional
        The seed of its dice; its own if not said.
    speed : float, optional
        Virtual seconds that a real one shows; ``float("inf")`` for as fast as can be. If not said, the clock goes in
        step with the program: it moves only while the program waits for something.

    Raises
    ------
    PlanError
        When there is no such scenario, or something is wrong in it.

    Examples
    --------
    >>> Scenario("broken", seed=3)
    Scenario('broken', seed=3)
    """

    __slots__ = ("_native", "seed", "speed")
    _native: NativeScenario
    seed: int | None
    speed: float | None

    def __init__(self, name: str = "healthy", *, seed: int | None = None, speed: float | None = None) -> None:
        self._native = NativeScenario.shipped(name)
        self.seed = seed
        self.speed = speed

    @classmethod
    def from_toml(cls, text: str, *, seed: int | None = None, speed: float | None = None) -> Scenario:
        """Read a scenario from TOML text; an empty one is the healthy world.

        Examples
        --------
        >>> Scenario.from_toml("canary = { error_percent = 500.0 }")
        Traceback (most recent call last):
            ...
        lambda_rollout.errors.PlanError: canary.error_percent: `500` is not a share; a per cent from 0 to 100
        """
        return cls._of(NativeScenario.from_toml(text), seed, speed)

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], *, seed: int | None = None, speed: float | None = None
    ) -> Scenario:
        """Read a scenario from a TOML file."""
        return cls._of(NativeScenario.from_file(path), seed, speed)

    @staticmethod
    def names() -> list[str]:
        """Give the names of the scenarios that come with the library.

        Examples
        --------
        >>> Scenario.names()[:2]
        ['healthy', 'broken']
        """
        return NativeScenario.shipped_names()

    @property
    def name(self) -> str:
        """Its name; empty for one that has none."""
        return self._native.name

    @property
    def description(self) -> str:
        """What it is about, in a line."""
        return self._native.description

    @property
    def _in_step(self) -> bool:
        return self.speed is None

    @classmethod
    def _of(cls, native: NativeScenario, seed: int | None, speed: float | None) -> Scenario:
        scenario = cls.__new__(cls)
        scenario._native, scenario.seed, scenario.speed = native, seed, speed
        return scenario

    def __repr__(self) -> str:
        given = [f"{key}={getattr(self, key)}" for key in ("seed", "speed") if getattr(self, key) is not None]
        return f"Scenario({', '.join([repr(self.name), *given])})"
