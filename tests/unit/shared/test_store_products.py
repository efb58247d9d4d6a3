"""Detection of the store's product from the answer to `buildInfo`."""

from shared.store.client import Store
from shared.store.products import product_of


def test_secantusdb_reports_its_name_beside_the_imitated_version_of_mongodb() -> None:
    product = product_of({"version": "8.2.11", "secantusVersion": "0.7.0b3"})
    assert str(product) == "SecantusDB 0.7.0b3"
    assert product.is_secantusdb


def test_every_other_server_is_treated_as_mongodb() -> None:
    assert str(product_of({"version": "8.0.4"})) == "MongoDB 8.0.4"
    assert not product_of({}).is_secantusdb


async def test_a_store_that_is_not_identified_yet_is_treated_like_secantusdb() -> None:
    store = Store("mongodb://127.0.0.1:1", "nothing")
    assert not store.is_mongodb
    await store.stop()
