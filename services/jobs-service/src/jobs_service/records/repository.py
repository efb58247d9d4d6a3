"""Attached runs in MongoDB, in batches: inserts new runs and updates others; ended runs stay unchanged."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pymongo import UpdateOne

from jobs_service.records.ports import RecordedRun
from jobs_service.runs.attached import finish_attached, start_attached
from jobs_service.runs.documents import (
    PENDING_NOTICE,
    RUNS,
    new_document,
    order_of_attached,
    result_fields,
)
from jobs_service.runs.ports import NO_HOOKS, RunHooks
from jobs_service.runs.run import Phase, Rules, Run
from jobs_service.spend.charges import OPEN, MongoCharges
from jobs_service.store.inserts import insert_new
from jobs_service.store.timestamps import from_ms, now_ms
from shared.contracts.messages import RunBegan
from shared.contracts.runs import Usage
from shared.store.client import Document, Store, store_call

_FIXED: Final = ("_id", "workspace_id", "revision")


class MongoRecords:
    """Implements RecordRepository."""

    def __init__(self, store: Store, rules: Rules, hooks: RunHooks = NO_HOOKS) -> None:
        self._hooks = hooks
        self._store = store
        self._runs = store.collection(RUNS)
        self._charges = MongoCharges(store)
        self._rules = rules

    @store_call
    async def write(self, records: Sequence[RecordedRun]) -> None:
        now = from_ms(await now_ms(self._store))
        runs = [(self._run(each, now), each) for each in records]
        charged = [run.id for run, each in runs if each.result is not None and each.result.usage != Usage()]
        charge_id = await self._charges.open(charged, now) if charged else None
        documents = [self._fields(run, each, charge_id) | {"revision": 1} for run, each in runs]
        known = await insert_new(self._runs, documents)  # costs a fraction of an update
        ended = known - await self._still_open(known)
        updates = [self._update(run, each, charge_id) for run, each in runs if run.id in known - ended]
        if updates:
            await self._runs.bulk_write(updates, ordered=False)
        for run, each in runs:
            if run.id not in ended:
                self._hooks.observe(run, each.result)

    async def _still_open(self, run_ids: set[str]) -> set[str]:
        if not run_ids:
            return set()
        found = await self._runs.find({"_id": {"$in": list(run_ids)}, "phase": {"$in": OPEN}}, {"_id": 1}).to_list()
        return {document["_id"] for document in found}

    def _update(self, run: Run, each: RecordedRun, charge_id: str | None) -> UpdateOne:
        """Return an update of a run that is attached and has not ended."""
        is_start = isinstance(each.record, RunBegan)
        replaceable = [Phase.RESERVED.value] if is_start else OPEN
        wanted = {"_id": run.id, "workspace_id": run.workspace_id, "phase": {"$in": replaceable}}
        fields = {name: value for name, value in self._fields(run, each, charge_id).items() if name not in _FIXED}
        change: Document = {"$set": fields, "$inc": {"revision": 1}}
        if is_start:
            change["$unset"] = {"expires_at": 1}
        return UpdateOne(wanted, change)

    def _run(self, each: RecordedRun, now: datetime) -> Run:
        record = each.record
        return (
            start_attached(record, now) if isinstance(record, RunBegan) else finish_attached(record, now, self._rules)
        )

    def _fields(self, run: Run, each: RecordedRun, charge_id: str | None) -> Document:
        spec = each.record.run
        fields = new_document(run, spec, order=order_of_attached(run.id))
        if run.phase.is_terminal and self._hooks.has_subscribers(run.workspace_id):
            fields |= {PENDING_NOTICE: True, "workflow_name": spec.workflow_name}
        return fields | (result_fields(each.result, charge_id=charge_id) if each.result else {})
