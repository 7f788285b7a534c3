"""The process around a rollout: signals, fork, exit, interpreters, panics and the log."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import lambda_rollout
import pytest
from lambda_rollout import InternalError, RolloutError, RolloutPlan, _native, run

from .conftest import LONG, ROOT, Run

START = """
import asyncio, os, signal, sys, threading
from lambda_rollout import *
plan = RolloutPlan("sample-handler", "main", "Canary10Percent5Minutes", alarms=["errors"])
slow = Scenario(speed=1.0)
"""


def test_every_exception_has_the_base_and_the_nearest_built_in() -> None:
    for name in lambda_rollout.errors.__all__:
        of = getattr(lambda_rollout, name)
        if name not in {"Problem", "RolloutError"}:
            assert issubclass(of, RolloutError), name
            built_in = {base for base in of.__mro__ if base.__module__ == "builtins"} - {
                Exception,
                BaseException,
                object,
            }
            assert built_in, name


def test_a_panic_is_an_internal_error() -> None:
    with pytest.raises(InternalError, match="panicked: on purpose"):
        _native.panic_for_test()  # type: ignore[attr-defined]


def test_ctrl_c_rolls_back_and_goes_on(python: Run) -> None:
    done = python(
        START
        + """
rollout = Rollout(plan, simulate=Scenario(speed=100.0))
try:
    with rollout:
        for event in rollout:
            if event.kind == "shifted":
                threading.Timer(0, os.kill, (os.getpid(), signal.SIGINT)).start()
except KeyboardInterrupt:
    outcome = rollout.wait()
    print(outcome.kind, outcome.exit_code, outcome.cause.details["reason"])
"""
    )
    assert (done.stdout, done.stderr) == ("aborted 4 left by KeyboardInterrupt\n", "")


def test_ctrl_c_wakes_who_waits(python: Run) -> None:
    done = python(
        START
        + """
rollout = Rollout(plan, simulate=slow).start()
try:
    threading.Timer(0, os.kill, (os.getpid(), signal.SIGINT)).start()
    rollout.wait()
except KeyboardInterrupt:
    print(rollout.status().phase != "done")
"""
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_ctrl_c_in_async_code_rolls_back_first(python: Run) -> None:
    done = python(
        START
        + """
rollout = AsyncRollout(plan, simulate=Scenario(speed=100.0))
async def main():
    async with rollout:
        async for event in rollout:
            if event.kind == "shifted":
                os.kill(os.getpid(), signal.SIGINT)
try:
    asyncio.run(main())
except KeyboardInterrupt:
    finished = list(rollout._inbox.history)[-1]
    print(finished.outcome.kind, finished.outcome.exit_code)
"""
    )
    assert (done.stdout, done.stderr) == ("aborted 4\n", "")


EXITS = {
    "a rollout that runs": "Rollout(plan, simulate=slow).start()",
    "threads that wait": """
rollout = Rollout(plan, simulate=slow).start()
for work in (rollout.wait, rollout.wait, lambda: list(rollout)):
    def quietly(work=work):
        try: work()
        except RolloutError: pass
    threading.Thread(target=quietly, daemon=True).start()
""",
    "a hook that is asked for": """
asked = threading.Event()
def hook(request): asked.set(); threading.Event().wait()
Rollout(plan, simulate=Scenario(speed=1000.0), before_traffic=hook).start()
asked.wait()
""",
    "an event loop that ends early": """
async def main():
    rollout = await AsyncRollout(plan, simulate=slow).start()
    asyncio.create_task(rollout.wait())
    asyncio.create_task(rollout.__anext__())
    await asyncio.sleep(0)
asyncio.run(main())
""",
    "credentials that are asked for": """
asked = threading.Event()
def credentials(): asked.set(); threading.Event().wait()
Rollout(plan, region="eu-west-1", endpoint_url="http://127.0.0.1:9", credentials=credentials).start()
asked.wait()
""",
    "a log that is wanted": """
import logging; logging.basicConfig(level=5, stream=open(os.devnull, "w"))
Rollout(plan, simulate=slow).start()
""",
}


@pytest.mark.parametrize("what", EXITS)
def test_interpreters_exit_cleanly_with_work_in_flight(what: str, many: bool, python: Run) -> None:
    def once(_: int) -> tuple[int, str, str]:
        done = python(START + EXITS[what])
        return done.returncode, done.stdout, done.stderr

    with ThreadPoolExecutor(4) as pool:
        ends = set(pool.map(once, range(300 // len(EXITS) if many else 3)))
    assert ends == {(0, "", "")}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_is_refused_with_a_reason(python: Run) -> None:
    done = python(
        START
        + """
rollout = Rollout(plan, simulate=slow).start()
import warnings; warnings.simplefilter("ignore")
child = os.fork()
if child == 0:
    for call in (rollout.wait, rollout.status, rollout.abort, rollout.pause, lambda: next(rollout),
                 lambda: run(plan, simulate=True), lambda: asyncio.run(run_async(plan, simulate=True))):
        try: call()
        except ForkedError as error:
            assert isinstance(error, RuntimeError)
            said = f"{error}; {error.advice}"
        else: os._exit(1)
    print(said, flush=True)
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
rollout.abort()
print(rollout.wait().kind)
"""
    )
    assert done.stderr == ""
    said, *rest = done.stdout.splitlines()
    assert "forked" in said
    assert "spawn" in said
    assert rest == ["7", "aborted"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_forked_before_the_first_rollout_works(python: Run) -> None:
    done = python(
        START
        + """
child = os.fork()
if child == 0:
    print(run(plan, simulate=True).kind, flush=True)
    sys.exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    )
    assert (done.stdout, done.stderr) == ("promoted\n0\n", "")


def test_a_subinterpreter_is_refused_with_a_reason(python: Run) -> None:
    done = python(
        """
import lambda_rollout
try: import _interpreters as interpreters
except ImportError: import _xxsubinterpreters as interpreters
script = '''
try: import lambda_rollout
except (ImportError, RuntimeError) as error: print(error, flush=True)
'''
other = interpreters.create()
try: interpreters.run_string(other, script)
except AttributeError: interpreters.exec(other, script)
"""
    )
    assert "subinterpreters" in done.stdout, done


def test_the_librarys_log_arrives_with_its_levels(plan: RolloutPlan, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "lambda_rollout"):
        run(plan, simulate=True)
        record = _wait_for(caplog, "lambda_rollout.driver.perform", "performed")
    assert (record.levelname, record.name) == ("DEBUG", "lambda_rollout.driver.perform")
    assert "effect=" in record.getMessage()


def _wait_for(caplog: pytest.LogCaptureFixture, name: str, message: str) -> logging.LogRecord:
    """Handing over is another thread's work: it is told by a handler."""
    arrived = threading.Event()

    class Tell(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name == name:
                arrived.set()

    tell = Tell()
    logging.getLogger("lambda_rollout").addHandler(tell)
    try:
        found = [record for record in list(caplog.records) if record.name == name and message in record.getMessage()]
        while not found:
            assert arrived.wait(LONG)
            found = [
                record for record in list(caplog.records) if record.name == name and message in record.getMessage()
            ]
    finally:
        logging.getLogger("lambda_rollout").removeHandler(tell)
    return found[0]


def test_a_log_that_nobody_wants_is_not_written(python: Run) -> None:
    done = python(
        START
        + """
import logging
run(plan, simulate="bad-day")
names = [name for name in logging.root.manager.loggerDict if name.startswith("lambda_rollout.driver")]
print(names)
"""
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_command_is_there() -> None:
    command = [
        sys.executable,
        "-m",
        "lambda_rollout",
        "run",
        str(ROOT / "examples/canary.toml"),
        "--simulate",
        "broken",
    ]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 4, done.stderr
    assert '"kind":"finished"' in done.stdout.splitlines()[-1]


def test_ctrl_c_of_the_command_rolls_back() -> None:
    plan = str(ROOT / "examples/canary.toml")
    command = [sys.executable, "-m", "lambda_rollout", "run", plan, "--simulate", "--speed", "10", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if '"kind":"shifted"' in line:
                process.send_signal(signal.SIGINT)
                break
        out, error = process.communicate(timeout=LONG)
    assert process.returncode == 4, error
    assert '"outcome":"aborted"' in out
    assert "Traceback" not in error
