"""Due deliveries in a real store: their selection, and their claims."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.support.jobs.system import WORKFLOW

from jobs_service.webhooks.repository import INDEXES, MongoDeliveries
from jobs_service.webhooks.rules import NewDelivery, WebhookAnswer
from shared.contracts.webhooks import DeliveryState
from shared.store.client import Store

SLOW, QUICK = "https://slow.example/", "https://quick.example/"


@pytest.fixture
async def notices(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[MongoDeliveries]:
    """Deliveries of two workspaces to the same two addresses."""
    store = Store(mongodb_uri, f"{mongodb_prefix}_jobs", INDEXES)
    await store.start()
    notices = MongoDeliveries(store, timedelta(days=7))
    to = {"a1": ("a", SLOW), "a2": ("a", QUICK), "b1": ("b", SLOW), "b2": ("b", QUICK)}
    deliveries = [NewDelivery(name, workspace, WORKFLOW, "run", url, b"{}") for name, (workspace, url) in to.items()]
    await notices.save_deliveries([], deliveries)
    yield notices
    await store.stop()


async def due(
    notices: MongoDeliveries, limit: int = 10, *, excluded_workspaces: tuple[str, ...] = (), excluded_urls: str = ""
) -> list[str]:
    found = await notices.due(
        limit, excluded_workspaces=excluded_workspaces, excluded_urls=[excluded_urls] if excluded_urls else []
    )
    return sorted(each.id for each in found)


async def test_workspaces_and_addresses_that_have_enough_are_passed_over(notices: MongoDeliveries) -> None:
    assert await due(notices) == ["a1", "a2", "b1", "b2"]
    assert len(await due(notices, 3)) == 3
    assert await due(notices, excluded_workspaces=("a",)) == ["b1", "b2"]
    assert await due(notices, excluded_urls=SLOW) == ["a2", "b2"]
    assert await due(notices, excluded_workspaces=("a",), excluded_urls=SLOW) == ["b2"]


async def test_a_delivery_is_one_senders_until_it_is_to_be_sent_again(notices: MongoDeliveries) -> None:
    (seen,) = await notices.due(10, excluded_workspaces=("a",), excluded_urls=[SLOW])
    assert [await notices.take(seen), await notices.take(seen)] == [True, False]
    assert await due(notices) == ["a1", "a2", "b1"]
    assert await notices.resend("b", "b2")
    (again,) = await notices.due(10, excluded_workspaces=("a",), excluded_urls=[SLOW])
    assert (again.id, again.attempts) == ("b2", 1)


async def test_a_late_sender_does_not_report_the_attempt_after_its_own(notices: MongoDeliveries) -> None:
    (first,) = await notices.due(10, excluded_workspaces=("a",), excluded_urls=[SLOW])
    await notices.take(first)
    await notices.failed(first, WebhookAnswer(None, "no answer"), timedelta(0))
    (second,) = await notices.due(10, excluded_workspaces=("a",), excluded_urls=[SLOW])
    await notices.take(second)
    await notices.failed(first, WebhookAnswer(410, "Gone"), None)

    states = {each.id: each.state for each in (await notices.page("b", None, limit=10, cursor=None)).deliveries}
    assert states["b2"] is DeliveryState.PENDING
    await notices.delivered(second, WebhookAnswer(200, "OK"))
    states = {each.id: each.state for each in (await notices.page("b", None, limit=10, cursor=None)).deliveries}
    assert states["b2"] is DeliveryState.DELIVERED
