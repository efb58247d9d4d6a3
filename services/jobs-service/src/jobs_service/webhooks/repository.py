"""Ended runs with subscribers, and their deliveries. Delivery ids are deterministic, so nothing is announced twice."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import bson

from jobs_service.runs.documents import PENDING_NOTICE, RUNS, decode_spec, payload_in
from jobs_service.store import from_ms, insert_new, now_ms
from jobs_service.views.repository import to_view
from jobs_service.webhooks.rules import MAX_OUTPUT_BYTES, DueDelivery, EndedRun, NewDelivery, WebhookAnswer
from shared.clock import whole_ms
from shared.contracts.webhooks import Delivery, DeliveryPage, DeliveryState
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending
from shared.store.pagination import Cursor, Filters, Page, list_documents, position_of
from shared.store.server_time import server_time_after

DELIVERIES: Final = "deliveries"
INDEXES: Final = (
    Index(RUNS, ascending(PENDING_NOTICE), sparse=True),
    Index(DELIVERIES, ascending("state", "due_ms")),
    Index(DELIVERIES, ascending("workspace_id", "position", "_id")),
    Index(DELIVERIES, ascending("expires_at"), expire_after_seconds=0),
)
SENDING: Final = timedelta(minutes=1)
"""A delivery whose sender has not reported for this long is sent by another process."""
READ_BYTES: Final = 4 * 1024 * 1024
"""Limit for ended runs read together. Each may hold megabytes and becomes a body for every subscriber."""


class MongoDeliveries:
    """Implements DeliveryRepository."""

    def __init__(self, store: Store, lifetime: timedelta) -> None:
        self._store = store
        self._runs = store.collection(RUNS)
        self._deliveries = store.collection(DELIVERIES)
        self._lifetime = lifetime

    @store_call
    async def ended(self, limit: int) -> Mapping[str, EndedRun]:
        runs: dict[str, EndedRun] = {}
        room = READ_BYTES
        async with self._runs.find({PENDING_NOTICE: True}).limit(limit) as found:
            async for document in found:
                room -= len(bson.encode(document))
                if room < 0 and runs:
                    break
                runs[document["_id"]] = _ended(document)
        return runs

    @store_call
    async def save_deliveries(self, run_keys: Sequence[str], deliveries: Sequence[NewDelivery]) -> None:
        now = await now_ms(self._store)
        documents = [self._document(each, now, order) for order, each in enumerate(deliveries)]
        await insert_new(self._deliveries, documents)
        await self._runs.update_many({"_id": {"$in": list(run_keys)}}, {"$unset": {PENDING_NOTICE: 1}})

    @store_call
    async def due(
        self, limit: int, *, excluded_workspaces: Collection[str], excluded_urls: Collection[str]
    ) -> Sequence[DueDelivery]:
        due: Document = {"state": DeliveryState.PENDING.value, "due_ms": {"$lte": await now_ms(self._store)}}
        if excluded_workspaces:
            due["workspace_id"] = {"$nin": list(excluded_workspaces)}
        if excluded_urls:
            due["url"] = {"$nin": list(excluded_urls)}
        found = await self._deliveries.find(due).sort("due_ms", 1).limit(limit).to_list()
        return [_due(each) for each in found]

    @store_call
    async def take(self, due: DueDelivery) -> bool:
        unclaimed = {"_id": due.id, "state": DeliveryState.PENDING.value, "attempts": due.attempts - 1}
        taken = {"attempts": due.attempts, "due_ms": server_time_after(SENDING)}
        return (await self._deliveries.update_one(unclaimed, [{"$set": taken}])).matched_count == 1

    @store_call
    async def delivered(self, due: DueDelivery, answer: WebhookAnswer) -> None:
        done = {"state": DeliveryState.DELIVERED.value, "delivered_ms": await now_ms(self._store), "last_error": None}
        await self._note(due, answer, done)

    @store_call
    async def failed(self, due: DueDelivery, answer: WebhookAnswer, wait: timedelta | None) -> None:
        error = answer.reason or f"HTTP {answer.status}"
        if wait is None:
            await self._note(due, answer, {"state": DeliveryState.FAILED.value, "last_error": error})
            return
        due_ms = await now_ms(self._store) + whole_ms(wait)
        await self._note(due, answer, {"due_ms": due_ms, "last_error": error})

    async def _note(self, due: DueDelivery, answer: WebhookAnswer, fields: Document) -> None:
        sent = {"_id": due.id, "state": DeliveryState.PENDING.value, "attempts": due.attempts}
        await self._deliveries.update_one(sent, {"$set": {**fields, "last_status": answer.status}})

    @store_call
    async def page(
        self, workspace_id: str, subscription_id: str | None, *, limit: int, cursor: str | None
    ) -> DeliveryPage:
        page = Page(limit=limit, after=None if cursor is None else Cursor.parse(cursor))
        only = Filters(others=[] if subscription_id is None else [{"subscription_id": subscription_id}])
        of_workspace, now = {"workspace_id": workspace_id}, await now_ms(self._store)
        found, after = await list_documents(
            self._store, self._deliveries, of_workspace, only, page, hidden={"body": 0}, now_ms=now
        )
        return DeliveryPage(tuple(map(_view, found)), after.text if after else None)

    @store_call
    async def resend(self, workspace_id: str, delivery_id: str) -> bool:
        reset = {"state": DeliveryState.PENDING.value, "due_ms": await now_ms(self._store), "attempts": 0}
        known = {"_id": delivery_id, "workspace_id": workspace_id}
        return (await self._deliveries.update_one(known, {"$set": reset})).matched_count == 1

    def _document(self, delivery: NewDelivery, now: int, order: int) -> Document:
        return {
            "_id": delivery.id,
            "workspace_id": delivery.workspace_id,
            "workflow_id": delivery.workflow_id,
            "subscription_id": delivery.subscription_id,
            "run_id": delivery.run_key,
            "url": delivery.url,
            "body": delivery.body,
            "state": DeliveryState.PENDING.value,
            "attempts": 0,
            "due_ms": now,
            "created_ms": now,
            "position": position_of(from_ms(now), order),
            "expires_at": from_ms(now) + self._lifetime,
        }


def _ended(document: Document) -> EndedRun:
    view, blocks = to_view(document), payload_in(document, "blocks")
    spec = decode_spec(document["spec"]) if "spec" in document else None
    tells = spec is None or spec.stores_data
    small = tells and view.output is not None and view.output.blob_id is None and view.output.size <= MAX_OUTPUT_BYTES
    return EndedRun(
        view,
        spec.workflow_name if spec else document.get("workflow_name", ""),
        bytes(view.output.inline) if view.output is not None and small else None,
        spec.callback_url if spec else None,
        bytes(blocks.inline) if blocks is not None and blocks.blob_id is None else None,
        is_replay=spec is not None and spec.replay is not None,
    )


def _due(document: Document) -> DueDelivery:
    return DueDelivery(
        id=document["_id"],
        workspace_id=document["workspace_id"],
        url=document["url"],
        body=document["body"],
        attempts=document["attempts"] + 1,
        subscription_id=document["subscription_id"],
    )


def _view(document: Document) -> Delivery:
    found: Any = document.get
    is_pending = document["state"] == DeliveryState.PENDING.value
    return Delivery(
        id=document["_id"],
        workspace_id=document["workspace_id"],
        subscription_id=document["subscription_id"],
        run_id=document["run_id"],
        url=document["url"],
        state=DeliveryState(document["state"]),
        attempts=document["attempts"],
        created_at=from_ms(document["created_ms"]),
        next_attempt_at=from_ms(document["due_ms"]) if is_pending else None,
        delivered_at=from_ms(found("delivered_ms")) if found("delivered_ms") else None,
        last_status=found("last_status"),
        last_error=found("last_error"),
        workflow_id=found("workflow_id"),
    )
