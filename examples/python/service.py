"""An asyncio service that releases several functions side by side, asks its own database before and after, and can be
stopped: whatever is under way is put back then.
"""

from __future__ import annotations

import asyncio

from lambda_rollout import AsyncRollout, HookReport, HookRequest, Outcome, RolloutPlan, Scenario


class Releases:
    """The releases under way, by function."""

    def __init__(self, simulate: Scenario | None = None) -> None:
        self.running: dict[str, AsyncRollout] = {}
        self._simulate = simulate

    async def release(self, function: str) -> Outcome:
        plan = RolloutPlan(function, "main", "Linear10PercentEvery1Minute", alarms=[f"{function}-errors"])
        rollout = AsyncRollout(plan, simulate=self._simulate, after_traffic=self.compare_orders)
        async with rollout:
            self.running[function] = rollout
            async for event in rollout:
                print(function, event)
        del self.running[function]
        return await rollout.wait()

    async def compare_orders(self, request: HookRequest) -> HookReport:
        """Runs on the service's own event loop, so that it may use what lives there."""
        await asyncio.sleep(0)
        orders = 20
        return HookReport.passed(f"{orders} orders came through version {request.canary_version}")

    async def pause_all(self) -> None:
        """Somebody looks into something: no weight rises meanwhile, alarms stay watched."""
        for rollout in self.running.values():
            await rollout.pause()


async def main(functions: list[str], simulate: Scenario | None = None) -> list[Outcome]:
    releases = Releases(simulate)
    return await asyncio.gather(*(releases.release(function) for function in functions))


if __name__ == "__main__":
    asyncio.run(main(["orders", "payments"], Scenario("healthy")))
