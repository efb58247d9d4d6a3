"""The tests know what MongoDB refuses, although their store accepts it."""

from typing import Any

import pytest
from pymongo import IndexModel
from tests.support.mongodb_refusals import DEEPEST, MOST_INDEXES, index_refusals, refusals

from flowport.admin.store_indexes import INDEXES

Fields = dict[str, Any]


def deep(levels: int) -> Fields:
    return {"x": deep(levels - 1)} if levels > 1 else {"x": 1}


def inserted(document: Fields) -> Fields:
    return {"insert": "things", "documents": [document]}


def updated(query: Fields, change: Any, *, upsert: bool = False) -> Fields:
    return {"update": "things", "updates": [{"q": query, "u": change, "upsert": upsert}]}


def upserted(query: Fields) -> Fields:
    return updated(query, {"$set": {"b": 1}}, upsert=True)


def aggregated(*stages: Fields) -> Fields:
    return {"aggregate": "things", "pipeline": list(stages)}


def indexed(*keys: str, **options: Any) -> Fields:
    return IndexModel([(key, 1) for key in keys], **options).document


@pytest.mark.parametrize(
    ("command", "page"),
    [
        (upserted({"_id": 1, "$or": [{"a": 1}, {"$expr": {"$eq": [1, 1]}}]}), "reference/operator/query/expr"),
        (upserted({"_id.a": 1}), "reference/method/db.collection.updateOne"),
        (upserted({"a": {"c": 1}, "a.b": 1}), "reference/command/update"),
        (upserted({"$and": [{"a": {"$eq": 1}}, {"a": {"$in": [1]}}]}), "reference/command/update"),
        (updated({}, {"$set": {"$a": 1}}), "core/dot-dollar-considerations"),
        (updated({}, {"$set": {"a.b": deep(DEEPEST)}}), "reference/limits"),
        (updated({}, {"a": deep(DEEPEST)}), "reference/limits"),
        (inserted({"a": deep(DEEPEST)}), "reference/limits"),
        (inserted({"_id": [1]}), "core/document"),
        ({"find": "things", "filter": {"a": {"$gt": 1, "b": 2}}}, "reference/mql/query-predicates"),
        ({"delete": "things", "deletes": [{"q": {"a": {"$gt": 1, "b": 2}}}]}, "reference/mql/query-predicates"),
        (aggregated({"$match": {"$or": [{"a": {"$gt": 1, "b": 2}}]}}), "reference/mql/query-predicates"),
        (aggregated({"$match": {}}, {"$documents": [{}]}), "reference/operator/aggregation/documents"),
        (aggregated({"$project": {"a": 0, "a.b": 0}}), "reference/operator/aggregation/project"),
        (aggregated({"$unset": ["a", "a.b"]}), "reference/operator/aggregation/unset"),
        (updated({}, [{"$set": {"a": 1, "a.b": 2}}]), "reference/operator/aggregation/project"),
        ({"createIndexes": "things", "indexes": [indexed("a")], "txnNumber": 1}, "core/transactions-operations"),
        ({"createIndexes": "things", "indexes": [indexed("a..b")]}, "core/indexes/create-index"),
    ],
)
def test_refusals_of_mongodb_name_their_page(command: Fields, page: str) -> None:
    (why,) = refusals(command)
    assert why.startswith(f"{page}: ")


@pytest.mark.parametrize(
    ("indexes", "page"),
    [
        ([indexed("a", "b", expireAfterSeconds=1)], "core/index-ttl"),
        ([indexed("_id", expireAfterSeconds=1)], "core/index-ttl"),
        ([indexed("a", expireAfterSeconds=-1)], "core/index-ttl"),
        ([indexed("a", expireAfterSeconds=2**31)], "core/index-ttl"),
        ([indexed("a", sparse=True, partialFilterExpression={"b": 1})], "core/index-partial"),
        ([indexed("a", partialFilterExpression={"b": {"$exists": False}})], "core/index-partial"),
        ([indexed("a", partialFilterExpression={"$and": [{"b": {"$ne": 1}}]})], "core/index-partial"),
        ([indexed(*map(str, range(33)))], "reference/limits"),
        ([indexed(f"a{n}") for n in range(MOST_INDEXES)], "reference/limits"),
        ([indexed("a", name="same"), indexed("b", name="same")], "reference/command/createIndexes"),
        ([indexed("a"), indexed("a", name="other", expireAfterSeconds=1)], "reference/command/createIndexes"),
        ([indexed("$a")], "core/indexes/create-index"),
    ],
)
def test_refused_indexes_are_reported(indexes: list[Fields], page: str) -> None:
    (why,) = index_refusals(indexes)
    assert why.startswith(f"{page}: ")


@pytest.mark.parametrize(
    "command",
    [
        inserted({"_id": "x", "a": deep(DEEPEST - 1)}),
        inserted({"a.b": {"$c": 1}}),
        upserted({"_id": 1, "a": {"$not": {"$gt": 1}}, "b.c": {"$in": [1, 2]}, "b": {"$ne": None}}),
        updated({"$expr": {"$eq": [1, 1]}}, {"$set": {"a": {"$b": 1}}}),
        updated({}, [{"$set": {"a.b": 1, "a.c": {"$literal": 2}}}, {"$unset": "a.b"}]),
        aggregated({"$documents": [{}]}, {"$project": {"a": 0, "ab": 0}}),
        {"find": "things", "filter": {"a": {"b": 1, "c": 2}}},
        {"createIndexes": "things", "indexes": [indexed("a"), indexed("a", "b"), indexed("b", expireAfterSeconds=0)]},
        {
            "createIndexes": "things",
            "indexes": [indexed("a"), indexed("a", name="b", partialFilterExpression={"b": 1})],
        },
        {"ping": 1},
    ],
)
def test_statements_accepted_by_mongodb_are_not_reported(command: Fields) -> None:
    assert list(refusals(command)) == []


@pytest.mark.parametrize("service", INDEXES)
def test_mongodb_makes_every_index_that_a_service_declares(service: str) -> None:
    """No test creates an index that expires documents."""
    declared = INDEXES[service]
    for collection in {index.collection for index in declared}:
        assert list(index_refusals([each.model().document for each in declared if each.collection == collection])) == []
