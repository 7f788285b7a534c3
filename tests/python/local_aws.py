"""Local AWS endpoints for tests over HTTP: the project's own, and ministack, an emulator by other hands."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from .conftest import LONG, ROOT

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
REGION = "us-east-1"


def _missing(what: str) -> None:
    """Skip, but never where CI is set."""
    if "CI" in os.environ:
        pytest.fail(what)
    pytest.skip(what)


class SimulatedEndpoint:
    """The simulated account behind HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url

    def _call(self, method: str, path: str) -> Any:
        with urlopen(Request(f"{self.url}/_simulated/{path}", method=method), timeout=LONG) as answer:
            return json.load(answer)

    def set_alarm(self, name: str, state: str) -> None:
        self._call("POST", f"alarms/{name}?state={state}&reason=by+hand")

    def fault(self, operation: str, fault: str) -> None:
        self._call("POST", f"faults/{operation}?fault={fault}")

    def alias_weights(self) -> list[float]:
        additional = [change["routing"].get("additional") for change in self._call("GET", "alias")]
        return [weights[1] if weights else 0.0 for weights in additional]


@contextmanager
def simulated_endpoint() -> Iterator[SimulatedEndpoint]:
    program = TARGET / "debug" / "simulated-endpoint"
    if not program.exists():
        _missing("no simulated endpoint: cargo build -p lambda-rollout-aws-tests --bin simulated-endpoint")
    with subprocess.Popen([program, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield SimulatedEndpoint(process.stdout.readline().strip())
        finally:
            process.terminate()


@contextmanager
def ministack() -> Iterator[str]:
    """Gives its URL."""
    program = ROOT / "target" / "ministack" / "bin" / "ministack"
    if not program.exists():
        _missing("no ministack: scripts/check rust installs it")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([program], env=environment, **pipes) as process:
        try:
            assert process.stderr is not None
            assert any("Running on http" in line for line in process.stderr)
            # It stops when nobody reads what it says.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(LONG)
