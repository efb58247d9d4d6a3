"""Dead letters and webhooks through the gateway's adapter, on a real jobs-service."""

from collections.abc import AsyncIterator

import pytest
from tests.support.eventually import until
from tests.support.jobs.system import WORKSPACE, System, a_spec, an_outcome, quick_settings, running

from shared.broker.queue_topology import DEAD
from shared.clients.jobs.dead_letters import HttpDeadLetterClient
from shared.clients.jobs.webhooks import HttpWebhookClient
from shared.contracts.dead_letters import DeadLetterPage, RedriveRun
from shared.contracts.messages import AttachedRunRequested
from shared.contracts.runs import RunStatus
from shared.contracts.webhooks import SaveSubscription
from shared.errors import InvalidRequest, NotFound
from shared.ids import run_key


@pytest.fixture
async def system(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[System]:
    async with running(quick_settings(mongodb_uri, mongodb_prefix)) as system:
        await system.executor.listen()
        yield system


@pytest.fixture
def letters(system: System) -> HttpDeadLetterClient:
    return HttpDeadLetterClient(system.gateway.client)


async def test_a_failed_run_is_redriven_by_the_name_that_its_caller_gave_it(
    system: System, letters: HttpDeadLetterClient
) -> None:
    await system.gateway.accept(a_spec(run_key(WORKSPACE, "order-17")))
    granted = await system.executor.begin()
    await system.executor.finish(granted.run.run_id, granted.attempt, an_outcome(RunStatus.FAILED))
    again = await letters.redrive_run("order-17", RedriveRun(WORKSPACE, 5))
    assert (await system.executor.begin()).run.run_id == again.run_id
    with pytest.raises(NotFound):
        await letters.redrive_run("order-17", RedriveRun("another", 5))


async def test_dead_letters_name_runs_as_callers_do(system: System, letters: HttpDeadLetterClient) -> None:
    spec = a_spec(run_key(WORKSPACE, "order-17"))
    await system.broker.work.publish(DEAD, AttachedRunRequested(spec, "replies.x"))

    async def found() -> DeadLetterPage | None:
        page = await letters.dead_letters(WORKSPACE, limit=10, cursor=None)
        return page if page.letters else None

    await until(found)
    page = await found()
    assert page is not None
    assert page.letters[0].run_id == "order-17"
    assert await letters.dead_letter(WORKSPACE, page.letters[0].id) == page.letters[0]
    await letters.discard_letter(WORKSPACE, page.letters[0].id)
    assert await found() is None


async def test_subscriptions_are_created_changed_and_deleted(system: System) -> None:
    webhooks = HttpWebhookClient(system.gateway.client)
    made = await webhooks.subscribe(WORKSPACE, SaveSubscription(url="https://example.com/"))
    assert await webhooks.subscriptions(WORKSPACE) == (made,)
    changed = await webhooks.replace_subscription(
        WORKSPACE, made.id, SaveSubscription(url="https://example.com/", include_trace_spans=True)
    )
    assert await webhooks.subscription(WORKSPACE, made.id) == changed
    await webhooks.unsubscribe(WORKSPACE, made.id)
    assert await webhooks.subscriptions(WORKSPACE) == ()
    assert (await webhooks.deliveries(WORKSPACE, None, limit=10, cursor=None)).deliveries == ()
    with pytest.raises(InvalidRequest):
        await webhooks.callback_secret(WORKSPACE)
