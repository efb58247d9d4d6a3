"""Runs that contain words, as ranges of a list."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from jobs_service.runs.documents import RUNS
from jobs_service.runs.words import hash_facts, hash_search
from jobs_service.search.index import HOUR_MS, FoundRun, MongoSearchIndex, SearchedRuns
from shared.errors import InvalidRequest
from shared.ids import RUN_ID_PATTERN, run_key
from shared.store.client import Document, Store
from shared.store.pagination import LAST_ORDER, PER_MS, TIME_BUDGET_SECONDS, Page, PartialRange

MIN_ID_CHARS: Final = 8
"""Shorter texts are not searched as the start of a run id."""
AT_ONCE: Final = 100
"""Runs read together; each may be large."""


class TextQuery:
    """One search for runs by words or the start of an id: the query of `read_in_ranges`.

    It reads each hour of the index once.
    """

    def __init__(
        self,
        store: Store,
        *,
        workspace_id: str,
        workflow_ids: Sequence[str] | None,
        text: str,
        facts: Mapping[str, str],
        filters: Sequence[Document],
        page: Page,
        hidden: Document,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare a search. `facts`: properties among `filters` that the index contains, too.

        Raises InvalidRequest for a text without a word of two characters.
        """
        self._index = MongoSearchIndex(store)
        self._runs = store.collection(RUNS)
        self._workspace_id = workspace_id
        self._workflow_ids = workflow_ids
        self._text = text
        words = hash_search(workspace_id, text)
        id_start = text if len(text) >= MIN_ID_CHARS and RUN_ID_PATTERN.fullmatch(text) else None
        self._search = SearchedRuns(words, id_start, hash_facts(workspace_id, facts))
        if not words and id_start is None:
            raise InvalidRequest("The search text must contain a word of at least two characters")
        self._filters = [{"workspace_id": workspace_id}, *filters]
        if page.after is not None:
            self._filters.append(page.after.after(oldest_first=page.oldest_first))
        self._page = page
        self._hidden = hidden
        self._found: set[FoundRun] = set()
        self._is_first = True
        self._clock = clock
        self._stops_at = 0.0
        self._read: tuple[int | None, int | None] | None = None
        """First hour that is read, and the hour after the last; None without bound."""

    async def __call__(self, bounds: Document, most: int) -> Sequence[Document]:
        """Return up to `most` runs with positions within `bounds`, in list order."""
        if self._is_first:
            self._stops_at = self._clock() + TIME_BUDGET_SECONDS
            self._found |= await self._by_id()
            self._is_first = False
        lowest, end = bounds.get("$gte"), bounds.get("$lt")
        await self._read_hours(
            None if lowest is None else lowest // PER_MS // HOUR_MS * HOUR_MS,
            None if end is None else ((end - 1) // PER_MS // HOUR_MS + 1) * HOUR_MS,
        )
        candidates = sorted(
            (
                run
                for run in self._found
                if (lowest is None or run.created_ms >= lowest // PER_MS)
                and (end is None or run.created_ms <= (end - 1) // PER_MS)
            ),
            reverse=not self._page.oldest_first,
        )
        found: list[Document] = []
        while candidates and len(found) < most:
            size = _whole_ms(candidates, AT_ONCE)
            found += await self._load([run.run_id for run in candidates[:size]], bounds)
            last, candidates = candidates[size - 1], candidates[size:]
            if candidates and len(found) < most and self._clock() > self._stops_at:
                return PartialRange(found, self._end_of(last))
        return found[:most]

    def _end_of(self, run: FoundRun) -> int:
        """Return the last position, in list order, of the millisecond of a run."""
        return run.created_ms * PER_MS + (LAST_ORDER if self._page.oldest_first else 0)

    async def _by_id(self) -> set[FoundRun]:
        """Return the run with this id: in progress, or older than the index, it is not in it."""
        ids = {self._text, run_key(self._workspace_id, self._text)}
        found = await self._runs.find({"_id": {"$in": [*ids]}}, {"created_ms": 1}).to_list()
        return {FoundRun(each["created_ms"], each["_id"]) for each in found}

    async def _read_hours(self, first: int | None, end: int | None) -> None:
        """Read the hours of a range that are not yet read. Ranges are consecutive."""
        if self._read is None:
            await self._read_index(first, end)
            self._read = first, end
            return
        read_first, read_end = self._read
        if read_first is not None and (first is None or first < read_first):
            await self._read_index(first, read_first)
            read_first = first
        if read_end is not None and (end is None or end > read_end):
            await self._read_index(read_end, end)
            read_end = end
        self._read = read_first, read_end

    async def _read_index(self, first: int | None, end: int | None) -> None:
        limits = {"$gte": first, "$lt": end}
        hours = {sign: limit for sign, limit in limits.items() if limit is not None}
        self._found.update(await self._index.find(self._workspace_id, self._search, hours, self._workflow_ids))

    async def _load(self, run_ids: Sequence[str], bounds: Document) -> Sequence[Document]:
        within = [{"position": bounds}] if bounds else []
        stages: list[Document] = [
            {"$match": {"_id": {"$in": list(run_ids)}}},
            {"$match": {"$and": [*self._filters, *within]}},
            {"$sort": self._page.order},
            *([{"$project": self._hidden}] if self._hidden else []),
        ]
        return await (await self._runs.aggregate(stages)).to_list()


def _whole_ms(candidates: Sequence[FoundRun], least: int) -> int:
    """Return how many candidates to read, so that those of one millisecond, which have no order here, stay together."""
    size = min(least, len(candidates))
    while size < len(candidates) and candidates[size].created_ms == candidates[size - 1].created_ms:
        size += 1
    return size
