"""What comes from a rollout: events for the program, and what the program is asked."""

from __future__ import annotations

import contextlib
import inspect
import json
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from . import _native, events
from .errors import WrongStateError
from .events import Event, Finished
from .hooks import AlarmSource, Hook, HookRequest, failed, reading_of, report_of
from .outcome import Outcome

SLICE = 0.1
"""Seconds that a thread waits in the library before Python looks for signals."""


class Callables:
    """The program's own functions, and how they are run."""

    def __init__(self, hooks: Mapping[str, Hook], alarms: Mapping[str, AlarmSource]) -> None:
        self.hooks = hooks
        self.alarms = alarms

    def __bool__(self) -> bool:
        return bool(self.hooks or self.alarms)

    def options(self) -> dict[str, Any]:
        """Say which requests the program answers."""
        hooks = {moment: hook._options() for moment, hook in self.hooks.items()}
        return {"hooks": hooks, "alarms": sorted(self.alarms)}

    async def answer(self, native: _native.NativeRollout, request: Mapping[str, Any], call: Call) -> None:
        """Have what is asked for called, and answer."""
        number = request["request"]
        try:
            if request["kind"] == "hook_requested":
                native.answer_hook(number, json.dumps(await self._hook(request, call)))
            else:
                await self._alarms(native, number, request["names"], call)
        except WrongStateError:
            # It comes too late: the time was up, or the program has let go of the rollout.
            pass

    async def _hook(self, request: Mapping[str, Any], call: Call) -> dict[str, Any]:
        asked = HookRequest(**{key: value for key, value in request.items() if key not in {"kind", "request"}})
        try:
            return report_of(await call(self.hooks[asked.hook].function, asked))
        except (Exception, SystemExit) as error:
            return failed("function_error", f"hook raised {type(error).__name__}: {error}")

    async def _alarms(self, native: _native.NativeRollout, number: int, names: list[str], call: Call) -> None:
        try:
            readings = [reading_of(name, await call(self.alarms[name], name)) for name in names]
        except (Exception, SystemExit) as error:
            native.refuse_alarms(number, f"alarm source raised {type(error).__name__}: {error}")
        else:
            native.answer_alarms(number, json.dumps(readings))

    def is_async(self, request: Mapping[str, Any]) -> bool:
        """Tell whether nothing of what is asked for would block an event loop."""
        if request["kind"] == "hook_requested":
            return _is_async(self.hooks[request["hook"]].function)
        return all(_is_async(self.alarms[name]) for name in request["names"])

    def answer_on_a_thread(self, native: _native.NativeRollout, request: Mapping[str, Any]) -> None:
        """Answer on a thread, so that a time-out is one for whoever waits here too."""

        def work() -> None:
            _go_through(self.answer(native, request, _called_on_a_thread))

        try:
            threading.Thread(target=work, name=f"lambda-rollout {request['kind']}", daemon=True).start()
        except RuntimeError as error:
            # There are no more threads: there are too many, or the interpreter is about to exit.
            _go_through(self.answer(native, request, _never_called(error)))


Call = Callable[[Callable[[Any], Any], object], Awaitable[object]]
"""How a function of the program is called."""


async def _called_on_a_thread(function: Callable[[Any], Any], argument: object) -> object:
    # Without an event loop around it, for a sync function may want to run one of its own.
    answer = function(argument)
    if not inspect.isawaitable(answer):
        return answer
    # It takes longer to import than all of this package, and few need it.
    import asyncio

    return asyncio.run(_settled(answer))


def _never_called(error: RuntimeError) -> Call:
    async def call(_function: Callable[[Any], Any], _argument: object) -> object:
        raise error

    return call


def _go_through(answer: Coroutine[Any, Any, None]) -> None:
    """Run what waits for nothing, so that it needs no event loop."""
    with contextlib.suppress(StopIteration):
        answer.send(None)


async def _settled(answer: Awaitable[object]) -> object:
    return await answer


def _is_async(function: object) -> bool:
    call = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


class Inbox:
    """The items of a rollout, as far as they were taken; what both kinds of inboxes have.

    Ctrl-C may come between any two steps of it, and then loses no event of the history: an item counts as taken when it
    has been kept, and one that comes a second time is known by its number. A request is never answered twice.
    """

    def __init__(self, native: _native.NativeRollout, callables: Callables) -> None:
        self.native = native
        self.callables = callables
        self.history: list[Event] = []
        self.at_end = False
        self._seen = 0
        self._given = 0

    def take(self, timeout: float) -> Mapping[str, Any] | None:
        """Take the next item, if one comes within the time. Keep it if it is an event; else give it."""
        try:
            item = self.native.next(timeout, self._seen)
        except EOFError:
            self.at_end = True
            return None
        if item is None:
            return None
        number, text = item
        document: dict[str, Any] = json.loads(text)
        is_event = "seq" in document
        if is_event and not (self.history and self.history[-1].seq >= document["seq"]):
            self.history.append(events._of(document, text, self.history))
        self._seen = number
        return None if is_event else document

    @property
    def has_more(self) -> bool:
        """Whether there is an event that was kept and not given yet."""
        return self._given < len(self.history)

    def give(self) -> Event:
        """Give the oldest of them."""
        self._given += 1
        return self.history[self._given - 1]

    def outcome(self, timeout: float) -> Outcome | None:
        """Give the outcome, as soon as it is there; of what was seen to the end it has the history."""
        text = self.native.wait(timeout)
        if text is None:
            return None
        if self.history and isinstance(self.history[-1], Finished):
            return self.history[-1].outcome
        return Outcome._of(json.loads(text), tuple(self.history))


class ThreadInbox(Inbox):
    """An inbox for threads: one of those that wait takes what comes, for all of them."""

    def __init__(self, native: _native.NativeRollout, callables: Callables) -> None:
        super().__init__(native, callables)
        self._changed = threading.Condition()
        self._taker: int | None = None

    def until(self, done: Callable[[], bool], timeout: float | None) -> bool:
        """Take what comes until this is so; ``False`` when the time was up before."""
        end = None if timeout is None else time.monotonic() + max(timeout, 0)
        # A taker of this very thread was left behind by a Ctrl-C: nobody is in here twice.
        this = threading.get_ident()
        tried = False
        while True:
            with self._changed:
                while self._taker not in {None, this} and not done():
                    if (left := _left(end)) <= 0:
                        return False
                    self._changed.wait(left)
                if done() or self.at_end:
                    return done()
                if (left := _left(end)) <= 0 and tried:
                    return False
                tried = True
                self._taker = this
            try:
                self._take_next(max(left, 0))
            finally:
                with self._changed:
                    self._taker = None
                    self._changed.notify_all()

    def _take_next(self, timeout: float) -> None:
        request = self.take(timeout)
        if request is not None and request["kind"] != "request_withdrawn":
            self.callables.answer_on_a_thread(self.native, request)

    def next(self) -> Event | None:
        """Give the next event; ``None`` after the last."""
        while self.until(lambda: self.has_more, None):
            with self._changed:
                # Another thread may have been quicker.
                if self.has_more:
                    return self.give()
        return None


def _left(end: float | None) -> float:
    return SLICE if end is None else min(end - time.monotonic(), SLICE)
