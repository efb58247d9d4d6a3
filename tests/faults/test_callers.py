"""The callers of fault tests choose a gateway as a balancer does."""

from tests.faults.harness.load import Callers
from tests.support.http_stub import Answer, HttpStub

SEED = 7
CALLS = 20
STARTING = Answer(503, '{"error": "Service temporarily unavailable"}')
CLOSING = Answer(headers={"connection": "close"})


def calls_of(gateway: HttpStub) -> int:
    return sum(request.method == "POST" for request in gateway.requests)


async def make_calls(callers: Callers) -> None:
    for number in range(CALLS):
        await callers.run("w", f"run{number}")


async def test_a_gateway_that_restarts_gets_no_call_before_it_is_ready(free_port: int) -> None:
    async with HttpStub() as running:
        callers = Callers([f"http://127.0.0.1:{port}" for port in (running.port, free_port)], "key", seed=SEED)
        await make_calls(callers)
        async with HttpStub(free_port) as restarted:
            restarted.answer(STARTING)
            await make_calls(callers)
            assert (calls_of(running), calls_of(restarted), callers.counts.refused) == (2 * CALLS, 0, [])

            restarted.answer(Answer())
            await make_calls(callers)
            assert calls_of(restarted) > 0
        await callers.close()


async def test_a_gateway_that_redirects_its_callers_gets_no_call_before_it_is_ready() -> None:
    async with HttpStub() as running, HttpStub() as stopping:
        stopping.answer(CLOSING, STARTING)
        callers = Callers([f"http://127.0.0.1:{gateway.port}" for gateway in (running, stopping)], "key", seed=SEED)
        await make_calls(callers)
        assert (calls_of(stopping), callers.counts.refused) == (1, [])
        await callers.close()
