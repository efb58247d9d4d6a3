"""Attached runs: upserts in batches, where a run that has ended is never touched again."""

from collections.abc import Sequence
from datetime import datetime

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from jobs_service.adapters.failures import store_call
from jobs_service.adapters.moments import from_ms, now_ms
from jobs_service.adapters.run_documents import DUPLICATE, RUNS, new_document, order_of_attached, result_fields
from jobs_service.domain.attached import began, recorded
from jobs_service.domain.run import Phase, Rules, Run
from jobs_service.ports import RecordedRun
from shared.contracts.messages import RunBegan
from shared.store.client import Document, Store


class MongoRecords:
    """Implements Records."""

    def __init__(self, store: Store, rules: Rules) -> None:
        self._store = store
        self._runs = store.collection(RUNS)
        self._rules = rules

    @store_call
    async def write(self, records: Sequence[RecordedRun]) -> None:
        """See Records."""
        now = from_ms(await now_ms(self._store))
        try:
            await self._runs.bulk_write([self._update(record, now) for record in records], ordered=False)
        except BulkWriteError as error:
            # A duplicate is a run that its filter left out: it has ended, or is no attached run.
            if any(each["code"] != DUPLICATE for each in error.details["writeErrors"]):
                raise

    def _update(self, each: RecordedRun, now: datetime) -> UpdateOne:
        record = each.record
        if isinstance(record, RunBegan):
            run = began(record, now)
            return _upsert(run, (Phase.RESERVED,), _fields(run, each) | {"expires_at": None})
        run = recorded(record, now, self._rules)
        return _upsert(run, (Phase.RESERVED, Phase.ATTACHED), _fields(run, each))


def _fields(run: Run, each: RecordedRun) -> Document:
    fields = new_document(run, each.record.run, order=order_of_attached(run.id))
    return fields | (result_fields(each.result) if each.result else {})


def _upsert(run: Run, replaceable: Sequence[Phase], fields: Document) -> UpdateOne:
    wanted = {
        "_id": run.id,
        "workspace_id": run.workspace_id,
        "phase": {"$in": [phase.value for phase in replaceable]},
    }
    fixed = ("_id", "workspace_id", "revision")
    update = {"$set": {name: value for name, value in fields.items() if name not in fixed}, "$inc": {"revision": 1}}
    return UpdateOne(wanted, update, upsert=True)
