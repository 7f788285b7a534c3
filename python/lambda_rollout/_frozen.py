"""Values that nobody changes, without what `dataclasses` takes to import."""

from __future__ import annotations


class Frozen:
    """The base of frozen values. Who makes one sets its attributes with ``object.__setattr__``."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} is frozen: cannot set {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a {type(self).__name__} is frozen: cannot delete {name!r}")
