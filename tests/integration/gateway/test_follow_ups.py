"""Dead letters and webhooks through the gateway's adapter, on a real jobs-service."""

from collections.abc import AsyncIterator

import pytest
from tests.integration.jobs.system import WORKSPACE, System, a_spec, an_outcome, quick_settings, running
from tests.support.eventually import until

from gateway.adapters.follow_up import FollowUpService
from shared.broker.topology import DEAD
from shared.contracts.dead_letters import DeadLetterPage
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
def follow_ups(system: System) -> FollowUpService:
    return FollowUpService(system.gateway.client)


async def test_a_failed_run_is_redriven_by_the_name_that_its_caller_gave_it(
    system: System, follow_ups: FollowUpService
) -> None:
    await system.gateway.accept(a_spec(run_key(WORKSPACE, "order-17")))
    granted = await system.executor.begin()
    await system.executor.finish(granted.run.run_id, granted.attempt, an_outcome(RunStatus.FAILED))
    again = await follow_ups.redrive_run(WORKSPACE, "order-17", concurrency=5)
    assert (await system.executor.begin()).run.run_id == again.run_id
    with pytest.raises(NotFound):
        await follow_ups.redrive_run("another", "order-17", concurrency=5)


async def test_dead_letters_name_runs_as_callers_do(system: System, follow_ups: FollowUpService) -> None:
    spec = a_spec(run_key(WORKSPACE, "order-17"))
    await system.broker.work.publish(DEAD, AttachedRunRequested(spec, "replies.x"))

    async def found() -> DeadLetterPage | None:
        page = await follow_ups.dead_letters(WORKSPACE, limit=10, cursor=None)
        return page if page.letters else None

    await until(found)
    page = await found()
    assert page is not None
    assert page.letters[0].run_id == "order-17"
    await follow_ups.discard_letter(WORKSPACE, page.letters[0].id)
    assert await found() is None


async def test_subscriptions_are_made_changed_and_taken_away(follow_ups: FollowUpService) -> None:
    made = await follow_ups.subscribe(WORKSPACE, SaveSubscription(url="https://example.com/"))
    assert await follow_ups.subscriptions(WORKSPACE) == (made,)
    changed = await follow_ups.replace_subscription(
        WORKSPACE, made.id, SaveSubscription(url="https://example.com/", include_trace_spans=True)
    )
    assert await follow_ups.subscription(WORKSPACE, made.id) == changed
    await follow_ups.unsubscribe(WORKSPACE, made.id)
    assert await follow_ups.subscriptions(WORKSPACE) == ()
    assert (await follow_ups.deliveries(WORKSPACE, None, limit=10, cursor=None)).deliveries == ()
    with pytest.raises(InvalidRequest):
        await follow_ups.callback_secret(WORKSPACE)
