"""What comes from a rollout, for an event loop of asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from . import _native
from ._inbox import Callables, Inbox
from .events import Event


class LoopInbox(Inbox):
    """An inbox for an event loop, which watches the rollout's descriptor."""

    def __init__(self, native: _native.NativeRollout, callables: Callables) -> None:
        super().__init__(native, callables)
        self.loop = asyncio.get_running_loop()
        self._descriptor = native.fileno()
        self._ready: asyncio.Future[None] | None = None
        self._answers: dict[int, asyncio.Task[None]] = {}

    async def until(self, done: Callable[[], bool]) -> bool:
        """Take what comes until this is so; ``False`` when nothing comes any more. Cancelling it loses nothing."""
        while not done() and not self.at_end:
            before = self._seen
            request = self.take(0)
            if self._seen == before and not self.at_end:
                await self._readable()
                continue
            if request is not None:
                self._answer(request)
            self._wake()
        return done()

    def _answer(self, request: Mapping[str, Any]) -> None:
        number: int = request["request"]
        if request["kind"] == "request_withdrawn":
            if task := self._answers.get(number):
                task.cancel()
        elif self.callables.is_async(request):
            task = self.loop.create_task(self.callables.answer(self.native, request, _called_on_the_loop))
            self._answers[number] = task
            task.add_done_callback(lambda _: self._answers.pop(number, None))
        else:
            self.callables.answer_on_a_thread(self.native, request)

    async def _readable(self) -> None:
        """Wait until there is something to take, or another task has taken something."""
        if self._ready is None:
            self._ready = self.loop.create_future()
            self.loop.add_reader(self._descriptor, self._wake)
        # Others wait for the same: a task that is cancelled must not take it from them.
        await asyncio.shield(self._ready)

    def _wake(self) -> None:
        if self._ready is not None:
            self.loop.remove_reader(self._descriptor)
            self._ready.set_result(None)
            self._ready = None

    async def next(self) -> Event | None:
        """Give the next event; ``None`` after the last."""
        await self.until(lambda: self.has_more)
        return self.give() if self.has_more else None


async def _called_on_the_loop(function: Callable[[Any], Any], argument: object) -> object:
    return await function(argument)
