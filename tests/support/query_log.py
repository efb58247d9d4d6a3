"""A store that records the queries to its collections and can count the documents that they read."""

from typing import Any, cast

from shared.store.client import Collection, Document, Store


class RecordedCollection:
    """A collection that records its queries, as pipelines."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self.queries: list[list[Document]] = []

    async def aggregate(self, pipeline: list[Document]) -> Any:
        self.queries.append(pipeline)
        return await self._collection.aggregate(pipeline)

    def find(self, wanted: Document, *fields: Any, **options: Any) -> Any:
        self.queries.append([{"$match": wanted}])
        return self._collection.find(wanted, *fields, **options)

    def with_options(self, **options: Any) -> "RecordedCollection":
        self._collection = self._collection.with_options(**options)
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    async def examined(self) -> int:
        """Return how many documents the store reads for all recorded queries."""
        return sum([await self._examined_for(each) for each in self.queries])

    async def _examined_for(self, pipeline: list[Document]) -> int:
        # SecantusDB reports this only for a find; the first stage holds the filter.
        query = {"find": self._collection.name, "filter": pipeline[0]["$match"]}
        plan = await self._collection.database.command("explain", query, verbosity="executionStats")
        return int(plan["executionStats"]["totalDocsExamined"])


class RecordedStore(Store):
    """A store that records the queries to its collections."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.recorded: dict[str, RecordedCollection] = {}

    def collection(self, name: str) -> Collection:
        return cast("Collection", self.recorded.setdefault(name, RecordedCollection(super().collection(name))))
