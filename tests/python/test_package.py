"""The package as a whole: its names, and that none is imported before it is asked for."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import lambda_rollout
import pytest


def modules() -> list[str]:
    """Give the modules whose names are the package's: those that have a list of them.

    What ``credentials`` describes is the program's own or boto3's, and stays there.
    """
    folder = Path(lambda_rollout.__file__).parent
    texts = {path.stem: path.read_text() for path in folder.glob("[a-z]*.py")}
    return sorted(name for name, text in texts.items() if "\n__all__ = " in text and name != "credentials")


def test_every_public_name_of_a_module_is_one_of_the_package() -> None:
    names = {
        name: module for module in modules() for name in importlib.import_module(f"lambda_rollout.{module}").__all__
    }
    assert set(lambda_rollout.__all__) == {*names, "__version__"}
    assert len(set(lambda_rollout.__all__)) == len(lambda_rollout.__all__)
    for name, module in names.items():
        assert getattr(lambda_rollout, name) is getattr(importlib.import_module(f"lambda_rollout.{module}"), name)
    assert {*names, *modules()} <= set(dir(lambda_rollout))
    with pytest.raises(AttributeError, match="has no attribute 'Rolout'"):
        lambda_rollout.Rolout  # type: ignore[attr-defined] # noqa: B018


def test_the_stub_has_every_module() -> None:
    stub = Path(lambda_rollout.__file__).with_suffix(".pyi").read_text()
    assert [line for line in stub.splitlines() if line.startswith("from")] == [
        f"from .{module} import *" for module in modules()
    ]


def test_a_plan_is_made_without_what_takes_long_to_import() -> None:
    program = (
        "import sys, lambda_rollout as l\n"
        "l.RolloutPlan('f', 'a', l.Strategy.canary(10, '5m'), alarms=['one'])\n"
        "print(*sorted({'asyncio', 'dataclasses', 'inspect', 'json', 'logging', 're', 'typing'} & set(sys.modules)))"
    )
    # Without `site`, which imports what it likes.
    path = [str(Path(lambda_rollout.__file__).parent.parent)]
    command = [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {path}\n{program}"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "\n"
