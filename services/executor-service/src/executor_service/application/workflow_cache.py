"""Bounded cache of compiled workflows, by snapshot."""

import asyncio
from collections import OrderedDict
from functools import partial

import msgspec
from prometheus_client import Counter

from executor_service.engine.binding import compile_slots
from executor_service.ports import Snapshots
from shared.contracts.runs import SnapshotRef
from shared.workflow.compile.compiler import CompiledWorkflow, compile_workflow

LOOKUPS = Counter("flowport_executor_workflow_lookups_total", "Lookups of compiled workflows.", ["result"])
_HIT, _MISS = (LOOKUPS.labels(result) for result in ("hit", "miss"))

Key = tuple[str, str]


class WorkflowCache:
    """Cache of immutable entries with LRU eviction; concurrent misses of one snapshot load it once."""

    def __init__(self, snapshots: Snapshots, *, entries: int) -> None:
        self._snapshots = snapshots
        self._entries = entries
        self._compiled: OrderedDict[Key, CompiledWorkflow] = OrderedDict()
        self._loading: dict[Key, asyncio.Task[CompiledWorkflow]] = {}

    async def get(self, snapshot: SnapshotRef) -> CompiledWorkflow:
        """Return the compiled workflow. Raises NotFound, InvalidWorkflow, Unavailable."""
        key = (snapshot.workspace_id, snapshot.snapshot_hash)
        found = self._compiled.get(key)
        if found is not None:
            _HIT.inc()
            self._compiled.move_to_end(key)
            return found
        _MISS.inc()
        return await asyncio.shield(self._load_once(key, snapshot))

    def _load_once(self, key: Key, snapshot: SnapshotRef) -> asyncio.Task[CompiledWorkflow]:
        loading = self._loading.get(key)
        if loading is None:
            loading = self._loading[key] = asyncio.create_task(self._load(key, snapshot))
            loading.add_done_callback(lambda _: self._loading.pop(key))
        return loading

    async def _load(self, key: Key, snapshot: SnapshotRef) -> CompiledWorkflow:
        async with compile_slots.hold(snapshot.workspace_id):
            document = msgspec.json.decode(await self._snapshots.snapshot(snapshot))
            # Parsing megabytes of code takes seconds: other runs continue in between.
            compiled = await compile_slots.run(partial(compile_workflow, document, snapshot.snapshot_hash))
        self._compiled[key] = compiled
        if len(self._compiled) > self._entries:
            self._compiled.popitem(last=False)
        return compiled
