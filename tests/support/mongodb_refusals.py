"""Statements that MongoDB 8.0 refuses and the tests' store accepts, each with the page of MongoDB's manual that says
so.

Statements that both refuse are not listed: two operators on one path, a stage that updates do not know, or `$project`
of nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final

Statement = Mapping[str, Any]

DEEPEST: Final = 100
MOST_INDEXES: Final = 64
MOST_KEYS: Final = 32
LONGEST_LIFETIME: Final = 2**31 - 1
_OF_A_PARTIAL_INDEX: Final = frozenset(
    ("$eq", "$exists", "$gt", "$gte", "$lt", "$lte", "$type", "$and", "$or", "$in", "$geoWithin", "$geoIntersects")
)
_OF_COMPUTED_FIELDS: Final = ("$set", "$addFields", "$project")


def refusals(command: Statement) -> Iterator[str]:
    """Yield the reasons why MongoDB would refuse this."""
    name = next(iter(command))
    if name == "insert":
        for document in command["documents"]:
            yield from _stored(document)
    elif name == "update":
        for each in command["updates"]:
            yield from _update(each["q"], each["u"], is_upsert=each.get("upsert", False))
    elif name == "delete":
        for each in command["deletes"]:
            yield from _query(each["q"])
    elif name in ("find", "count", "distinct"):
        yield from _query(command.get("filter") or command.get("query") or {})
    elif name == "aggregate":
        yield from _pipeline(command["pipeline"])
    elif name == "createIndexes":
        if "txnNumber" in command:
            yield "core/transactions-operations: in a transaction only a collection that it made itself gets indexes"
        yield from index_refusals(command["indexes"])


def _update(query: Statement, update: Any, *, is_upsert: bool) -> Iterator[str]:
    yield from _query(query)
    if is_upsert:
        yield from _upsert(query)
    if isinstance(update, Sequence):
        yield from _pipeline(update)
    elif any(name.startswith("$") for name in update):
        for fields in update.values():
            yield from _set_fields(fields)
    else:
        yield from _stored(update)


def _upsert(query: Statement) -> Iterator[str]:
    """Yield problems of the document that the equalities of the query create."""
    if "$expr" in dict(_fields(query)):
        yield "reference/operator/query/expr: an upsert's query has no `$expr`"
    equal = list(_equalities(query))
    if any(path.startswith("_id.") for path in equal):
        yield "reference/method/db.collection.updateOne: an upsert's query has no parts of `_id`"
    for path in _collisions(equal):
        yield f"reference/command/update: an upsert cannot tell what {path!r} is to be, which its query names twice"


def _set_fields(fields: Statement) -> Iterator[str]:
    for path, value in fields.items():
        if path.startswith("$"):
            yield "core/dot-dollar-considerations: a field that begins with `$` is set by `$setField` alone"
        yield from _nested(value, 1 + path.count("."))


def _stored(document: Statement) -> Iterator[str]:
    if isinstance(document.get("_id"), (list, tuple)):
        yield "core/document: an `_id` is no array"
    yield from _nested(document, 0)


def _nested(value: Any, depth: int) -> Iterator[str]:
    if depth + _depth(value) > DEEPEST:
        yield f"reference/limits: a document has at most {DEEPEST} levels"


def _query(query: Statement) -> Iterator[str]:
    for name, value in query.items():
        if name in ("$and", "$or", "$nor"):
            for each in value:
                yield from _query(each)
        elif isinstance(value, Mapping) and len({each.startswith("$") for each in value}) > 1:
            yield f"reference/mql/query-predicates: beside operators on {name!r} there is nothing else"


def _pipeline(stages: Sequence[Statement]) -> Iterator[str]:
    for place, stage in enumerate(stages):
        name, what = next(iter(stage.items()))
        if name == "$documents" and place > 0:
            yield "reference/operator/aggregation/documents: `$documents` is the first stage"
        if name == "$match":
            yield from _query(what)
        elif name in _OF_COMPUTED_FIELDS:
            for path in _collisions(what):
                yield f"reference/operator/aggregation/project: {path!r} is named, and a part of it"
        elif name == "$unset":
            for path in _collisions([what] if isinstance(what, str) else what):
                yield f"reference/operator/aggregation/unset: {path!r} is named, and a part of it"


def index_refusals(indexes: Sequence[Statement]) -> Iterator[str]:
    """Yield the reasons why a collection cannot have these indexes together."""
    if len(indexes) >= MOST_INDEXES:  # one is that of `_id`
        yield f"reference/limits: a collection has at most {MOST_INDEXES} indexes"
    for one, other in combinations(indexes, 2):
        if one["name"] == other["name"]:
            yield f"reference/command/createIndexes: two indexes are called {one['name']}"
        elif list(one["key"].items()) == list(other["key"].items()) and _kind(one) == _kind(other):
            yield f"reference/command/createIndexes: {one['name']} and {other['name']} have the same keys"
    for index in indexes:
        for why in _index(index):
            yield f"{why} ({index['name']})"


def _index(index: Statement) -> Iterator[str]:
    paths = list(index["key"])
    if len(paths) > MOST_KEYS:
        yield f"reference/limits: an index has at most {MOST_KEYS} fields"
    if any(not part or part.startswith("$") for path in paths for part in path.split(".")):
        yield "core/indexes/create-index: no part of an index's path is empty or begins with `$`"
    if "expireAfterSeconds" in index:
        if len(paths) > 1 or paths == ["_id"]:
            yield "core/index-ttl: documents expire by one field, which is not `_id`"
        if not 0 <= index["expireAfterSeconds"] <= LONGEST_LIFETIME:
            yield f"core/index-ttl: documents live 0 to {LONGEST_LIFETIME} seconds"
    if "partialFilterExpression" in index:
        if index.get("sparse"):
            yield "core/index-partial: an index is partial or sparse"
        for name, value in _fields(index["partialFilterExpression"]):
            is_known = not name.startswith("$") or name in _OF_A_PARTIAL_INDEX
            if not is_known or (name == "$exists" and not value):
                yield f"core/index-partial: a partial index does not know {{{name}: {value}}}"


def _kind(index: Statement) -> tuple[Any, ...]:
    """Return the options in which two indexes of the same keys may differ."""
    return index.get("collation"), index.get("partialFilterExpression"), index.get("sparse"), index.get("unique")


def _equalities(query: Statement) -> Iterator[str]:
    for name, value in query.items():
        if name == "$and" or (name == "$or" and len(value) == 1):
            for each in value:
                yield from _equalities(each)
        elif not name.startswith("$") and _is_equality(value):
            yield name


def _is_equality(wanted: Any) -> bool:
    if not isinstance(wanted, Mapping) or not any(name.startswith("$") for name in wanted):
        return True
    return "$eq" in wanted or len(wanted.get("$in", ())) == 1


def _collisions(paths: Iterable[str]) -> Iterator[str]:
    """Yield paths that are named twice, or together with one of their parts."""
    for one, other in combinations(sorted(paths), 2):
        if other == one or other.startswith(f"{one}."):
            yield one


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield all of them, on every level."""
    if isinstance(value, Mapping):
        yield from value.items()
    if isinstance(value, (Mapping, list, tuple)):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _fields(each)


def _depth(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, (list, tuple)):
        return 1 + max(map(_depth, value), default=0)
    return 0
