"""Rollouts for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any

from ._inbox import SLICE
from ._launch import Launch
from ._loop import LoopInbox
from .errors import WaitTimeout, WrongStateError
from .events import Event
from .outcome import Outcome
from .plan import RolloutPlan

__all__ = ["AsyncRollout", "run_async"]


class AsyncRollout(Launch[LoopInbox]):
    """A rollout, for programs on asyncio. Takes the same arguments as `Rollout`, and has the same methods.

    It runs on threads of the library and not on the event loop: cancelling a task that waits stops the waiting alone.
    An ``async with`` block that is left by an exception, a cancellation among them, aborts the rollout, waits until
    everything is put back, and lets the exception go on. Hooks that are ``async def`` run on the event loop and are
    cancelled when their time is up; others run on a thread.

    Under trio there is no event loop of asyncio: run `Rollout` in a thread there.

    Examples
    --------
    >>> async def main() -> str:
    ...     plan = RolloutPlan("sample-handler", "main", "Canary10Percent5Minutes")
    ...     async with AsyncRollout(plan, simulate=True) as rollout:
    ...         async for event in rollout:
    ...             if event.kind == "checked":
    ...                 await rollout.promote()
    ...     return (await rollout.wait()).kind
    >>> asyncio.run(main())
    'promoted'
    """

    _pump: asyncio.Task[bool] | None = None

    async def start(self) -> AsyncRollout:
        """Start it, and give it back. What an ``async with`` block does.

        Raises
        ------
        RuntimeError
            Without a running event loop of asyncio.
        """
        if self._inbox is not None:
            raise WrongStateError("the rollout was started already")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                "AsyncRollout needs asyncio's event loop, and none runs here; under trio use "
                "`await trio.to_thread.run_sync(lambda_rollout.run, plan)`"
            ) from None
        inbox = LoopInbox(await asyncio.to_thread(self._launch), self._callables)
        self._inbox = inbox
        if self._pumped:
            self._pump = loop.create_task(inbox.until(lambda: False))
        return self

    async def __aenter__(self) -> AsyncRollout:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._detached:
            return
        if kind is not None:
            # Otherwise it has ended, or is being put back already.
            with contextlib.suppress(WrongStateError):
                await self.abort(f"left by {kind.__name__}")
        await self.wait()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        event = await self._taken.next()
        if event is None:
            raise StopAsyncIteration
        return event

    async def wait(self, timeout: float | None = None) -> Outcome:
        """Wait for the end. Events are kept meanwhile. As `Rollout.wait`."""
        try:
            return await asyncio.wait_for(self._end(), timeout)
        except asyncio.TimeoutError:
            raise WaitTimeout(f"the rollout has not ended within {timeout} s; it runs on") from None

    async def _end(self) -> Outcome:
        inbox = self._taken
        await inbox.until(lambda: inbox.at_end)
        while (outcome := inbox.outcome(0)) is None:
            # Only after `detach`, which ends the events but not the rollout.
            await asyncio.sleep(SLICE)
        return outcome

    async def pause(self) -> None:
        """Shift nothing until ``resume``. As `Rollout.pause`."""
        await self._order("pause")

    async def resume(self) -> None:
        """Go on after a pause, or approve a gate. As `Rollout.resume`."""
        await self._order("resume")

    async def promote(self) -> None:
        """Shift all traffic now, without the remaining holds. As `Rollout.promote`."""
        await self._order("promote")

    async def abort(self, reason: str = "aborted by the program") -> None:
        """Put everything back and end. As `Rollout.abort`."""
        await self._order("abort", reason)

    async def _order(self, command: str, reason: str = "") -> None:
        await asyncio.to_thread(self._native.order, command, reason)

    async def detach(self) -> None:
        """Let it run on by itself, as long as the process lives.

        The events end, and hooks and alarm sources are not asked any more. The end of the block waits for nothing.
        """
        self._native.detach()
        self._detached = True


async def run_async(
    plan: RolloutPlan,
    *,
    on_event: Callable[[Event], Awaitable[object] | object] | None = None,
    **options: Any,
) -> Outcome:
    """Run a rollout to its end, on asyncio. As `run`; `on_event` may be async.

    Examples
    --------
    >>> plan = RolloutPlan("sample-handler", "main", "AllAtOnce")
    >>> asyncio.run(run_async(plan, simulate=True)).kind
    'promoted'
    """
    async with AsyncRollout(plan, **options) as rollout:
        async for event in rollout:
            answer = None if on_event is None else on_event(event)
            if isinstance(answer, Awaitable):
                await answer
    return await rollout.wait()
