"""`python -m benchmarks.sandbox`: latency of a step of user code.

"paced" leaves time to warm the next process between two steps, as in a workflow with other blocks. "in a row" is bound
by the rate of new processes.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

import uvloop

from executor_service.sandbox import Conditions, JavaScriptSandbox, PythonSandbox, SandboxUnavailable, Script

PAUSE_SECONDS = 0.02


def main() -> None:
    """Measure and print latencies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    uvloop.run(measure(parser.parse_args().steps))


async def measure(steps: int) -> None:
    async with JavaScriptSandbox() as javascript:
        script = Script(code="return n + 1", bindings={"n": 1})
        of_an_owner = Script(code="return n + 1", bindings={"n": 1}, owner="benchmark")
        condition = Conditions(owner="benchmark", scope="run", expressions=["n > 3"], bindings={"n": 5})
        await report("JavaScript, paced", lambda: javascript.run(script), steps, PAUSE_SECONDS)
        await report("JavaScript, one owner", lambda: javascript.run(of_an_owner), steps)
        await report("JavaScript, in a row", lambda: javascript.run(script), steps)
        await report("condition of one run", lambda: javascript.evaluate(condition), steps)
        started = time.perf_counter()
        await asyncio.gather(*(javascript.run(script) for _ in range(steps)))
        print(f"{'JavaScript, all at once':24} {steps / (time.perf_counter() - started):8.0f} /s")
    try:
        async with PythonSandbox() as python:
            await report("Python, paced", lambda: python.run(script), steps, PAUSE_SECONDS)
    except SandboxUnavailable as error:
        print(error)


async def report(name: str, step: Callable[[], Awaitable[object]], steps: int, pause: float = 0) -> None:
    milliseconds = []
    for _ in range(steps):
        await asyncio.sleep(pause)
        started = time.perf_counter()
        await step()
        milliseconds.append((time.perf_counter() - started) * 1000)
    cuts = statistics.quantiles(milliseconds, n=100)
    print(f"{name:24} p50 {cuts[49]:6.2f} ms   p90 {cuts[89]:6.2f} ms   p99 {cuts[98]:6.2f} ms")


if __name__ == "__main__":
    main()
