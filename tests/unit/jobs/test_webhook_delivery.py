"""An address that never answers delays no other one, and concurrent deliveries are bounded."""

import asyncio
import hmac
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256

import pytest
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.jobs.fakes import ManualClock

from jobs_service.leadership import Loop, WakeUpEvent
from jobs_service.webhooks import delivery as delivery_service
from jobs_service.webhooks.delivery import ADDRESS_SLOTS, SLOTS, WORKSPACE_SLOTS, DeliveryService
from jobs_service.webhooks.rules import RETRIES, DueDelivery, EndedRun, NewDelivery, WebhookAnswer, headers
from shared.contracts.webhooks import DeliveryPage, SaveSubscription, Subscription
from shared.errors import Unavailable

NEVER = 3600.0
SLOW = "https://slow.example/"
QUICK = "https://quick.example/"


class FakeNotices:
    """Deliveries in the order in which they are due."""

    def __init__(self) -> None:
        self.waiting: list[DueDelivery] = []
        self.arrived: list[str] = []
        self.taken_by_others: set[str] = set()

        self.failures: list[tuple[DueDelivery, WebhookAnswer, timedelta | None]] = []
        self.is_down = False
        """Whether the outcome of a delivery cannot be stored."""

    def add(self, workspace_id: str, urls: Sequence[str], *, to: str | None = None, attempts: int = 1) -> None:
        """Make one delivery due for each address; with `to`, it is that of a subscription."""
        known = len(self.waiting)
        self.waiting += [
            DueDelivery(f"delivery-{known + place}", workspace_id, url, b"{}", attempts, to)
            for place, url in enumerate(urls)
        ]

    async def due(
        self, limit: int, *, excluded_workspaces: Collection[str], excluded_urls: Collection[str]
    ) -> Sequence[DueDelivery]:
        """See DeliveryRepository."""
        return [
            each
            for each in self.waiting
            if each.workspace_id not in excluded_workspaces and each.url not in excluded_urls
        ][:limit]

    async def take(self, due: DueDelivery) -> bool:
        """See DeliveryRepository."""
        self.waiting.remove(due)
        return due.url not in self.taken_by_others

    async def delivered(self, due: DueDelivery, answer: WebhookAnswer) -> None:
        """See DeliveryRepository."""
        if self.is_down:
            raise Unavailable("the store is unavailable")
        self.arrived.append(due.url)

    async def failed(self, due: DueDelivery, answer: WebhookAnswer, wait: timedelta | None) -> None:
        """See DeliveryRepository."""
        self.failures.append((due, answer, wait))

    async def ended(self, limit: int) -> Mapping[str, EndedRun]:
        """See DeliveryRepository."""
        raise NotImplementedError

    async def save_deliveries(self, run_keys: Sequence[str], deliveries: Sequence[NewDelivery]) -> None:
        """See DeliveryRepository."""
        raise NotImplementedError

    async def page(
        self, workspace_id: str, subscription_id: str | None, *, limit: int, cursor: str | None
    ) -> DeliveryPage:
        """See DeliveryRepository."""
        raise NotImplementedError

    async def resend(self, workspace_id: str, delivery_id: str) -> bool:
        """See DeliveryRepository."""
        raise NotImplementedError


class FakeBook:
    """Records the outcomes of deliveries to subscribers."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[str, bool]] = []

    def has_any(self, workspace_id: str) -> bool:
        """See SubscriptionRepository."""
        return False

    async def of(self, workspace_id: str) -> tuple[Subscription, ...]:
        """See SubscriptionRepository."""
        return ()

    async def save(self, workspace_id: str, subscription_id: str | None, request: SaveSubscription) -> Subscription:
        """See SubscriptionRepository."""
        raise NotImplementedError

    async def delete(self, workspace_id: str, subscription_id: str) -> None:
        """See SubscriptionRepository."""
        raise NotImplementedError

    async def record_result(self, subscription_id: str, *, arrived: bool, give_up_after: timedelta) -> None:
        """See SubscriptionRepository."""
        self.arrivals.append((subscription_id, arrived))


class FakeBox:
    """Callers have no secrets; those of subscribers are sealed with a key that no longer exists."""

    async def secret_of(self, workspace_id: str, subscription_id: str) -> str | None:
        """See SecretRepository."""
        raise Unavailable("the key is missing")

    async def callback_secret(self, workspace_id: str, make: Callable[[], str] | None = None) -> str | None:
        """See SecretRepository."""
        return None


class FakeSender:
    """Slow addresses answer when the test lets them."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.asking: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        """Concurrent requests of each workspace and each address, and of all together as `""`."""

    def check(self, url: str) -> None:
        """Close nothing."""

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, workspace_id: str, seconds: float
    ) -> WebhookAnswer:
        counted = Counter(["", workspace_id, url])
        self.asking += counted
        self.most |= self.asking
        try:
            if url.startswith(SLOW):
                await self.answers.wait()
            else:
                await asyncio.sleep(0)
        finally:
            self.asking -= counted
        return WebhookAnswer(200)


class System:
    """The sender of deliveries and everything around it. It polls once, and when its wake-up event is set."""

    def __init__(self) -> None:
        self.notices = FakeNotices()
        self.book = FakeBook()
        self.sender = FakeSender()
        self.wake_up = WakeUpEvent()
        self.delivery_service = DeliveryService(
            self.notices,
            self.book,
            FakeBox(),
            self.sender,
            ManualClock(),
            wake_up=self.wake_up,
            give_up_after=timedelta(days=5),
        )
        self.loop = Loop(
            "test",
            self.delivery_service.step,
            every=NEVER,
            wake_up=self.wake_up,
            gap=0.001,
            on_stop=self.delivery_service.stop,
        )

    def arrived(self, start: str) -> int:
        """Return how many deliveries to these addresses arrived."""
        return sum(url.startswith(start) for url in self.notices.arrived)


@pytest.fixture
async def system(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[System]:
    monkeypatch.setattr(delivery_service, "STOP_SECONDS", 0.01)
    system = System()
    yield system
    await system.loop.stop()


async def test_hanging_addresses_delay_no_other_workspace(system: System) -> None:
    system.notices.add("slow", [f"{SLOW}{n}" for n in range(3 * SLOTS)])
    system.notices.add("quick", [f"{QUICK}{n}" for n in range(3 * SLOTS)])
    await system.loop.start()
    await eventually(lambda: system.arrived(QUICK) == 3 * SLOTS)
    assert system.arrived(SLOW) == 0
    assert system.sender.asking["slow"] == WORKSPACE_SLOTS


async def test_a_hanging_address_does_not_delay_its_own_workspace(system: System) -> None:
    system.notices.add("one", [SLOW] * 3 * SLOTS)
    system.notices.add("one", [QUICK] * 3 * SLOTS)
    await system.loop.start()
    await eventually(lambda: system.arrived(QUICK) == 3 * SLOTS)
    assert system.sender.asking[SLOW] == ADDRESS_SLOTS


async def test_due_deliveries_are_sent_in_bounded_numbers_as_slots_become_free(system: System) -> None:
    for workspace in range(6):
        system.notices.add(f"workspace-{workspace}", [f"{SLOW}{n % 4}" for n in range(SLOTS)])
    await system.loop.start()
    await eventually(lambda: system.sender.asking[""] == SLOTS)
    system.sender.answers.set()
    await eventually(lambda: system.arrived(SLOW) == 6 * SLOTS)
    assert system.sender.most[""] == SLOTS
    assert max(system.sender.most[f"workspace-{workspace}"] for workspace in range(6)) == WORKSPACE_SLOTS
    assert max(system.sender.most[f"{SLOW}{n}"] for n in range(4)) == ADDRESS_SLOTS


async def test_a_delivery_claimed_by_another_process_is_not_sent(system: System) -> None:
    system.notices.add("one", [f"{QUICK}taken", QUICK])
    system.notices.taken_by_others.add(f"{QUICK}taken")
    await system.loop.start()
    await eventually(lambda: system.arrived(QUICK) == 1)
    assert system.notices.arrived == [QUICK]


async def test_an_unsignable_delivery_is_retried_a_bounded_number_of_times(
    system: System,
) -> None:
    system.notices.add("one", [QUICK], to="hook")
    system.notices.add("one", [QUICK], to="hook", attempts=len(RETRIES) + 1)
    system.notices.add("one", [QUICK])
    await system.loop.start()
    await eventually(lambda: len(system.notices.failures) == 2 and len(system.notices.arrived) == 1)
    (_, answer, wait), (_, _, never) = system.notices.failures
    assert (answer.status, answer.reason) == (None, "Not sent: the key is missing")
    assert wait is not None
    assert RETRIES[0] <= wait <= 1.1 * RETRIES[0]
    assert never is None
    await eventually(lambda: system.book.arrivals == [("hook", False)] * 2)


async def test_a_store_outage_occupies_no_slot(system: System) -> None:
    system.notices.is_down = True
    system.notices.add("one", [QUICK] * 3 * SLOTS)
    await system.loop.start()
    await eventually(lambda: not system.notices.waiting)
    await eventually(lambda: system.sender.asking[""] == 0)
    assert system.notices.arrived == []
    assert system.notices.failures == []


async def test_stopping_completes_deliveries_in_progress(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_service, "STOP_SECONDS", NEVER)
    system.notices.add("one", [SLOW])
    await system.loop.start()
    await eventually(lambda: system.sender.asking[SLOW] == 1)
    asyncio.get_running_loop().call_later(0.01, system.sender.answers.set)
    await system.loop.stop()
    assert system.arrived(SLOW) == 1


async def test_stopping_does_not_wait_for_hanging_addresses(system: System) -> None:
    system.notices.add("one", [SLOW] * 3)
    await system.loop.start()
    await eventually(lambda: system.sender.asking[SLOW] == 3)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await system.loop.stop()
    assert system.sender.asking[SLOW] == 0
    assert system.notices.arrived == []


def test_a_secret_of_another_form_signs_as_it_is_written() -> None:
    secret, body = "whsec_not base64!", b"{}"
    signature = headers("delivery_1", body, 5_000, secret)["webhook-signature"]
    expected = hmac.digest(secret.encode(), b"delivery_1.5.{}", sha256)
    assert signature == f"v1,{b64encode(expected).decode()}"
