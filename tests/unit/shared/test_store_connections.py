"""Read preferences, and how long an idle connection to the store stays usable."""

from pymongo import ReadPreference
from pymongo.read_concern import ReadConcern

from shared.store.client import Store

CUT_BY_SECANTUSDB_SECONDS = 300
CUT_BY_COMMON_FIREWALLS_SECONDS = 240


async def test_idle_connections_are_closed_before_intermediaries_cut_them() -> None:
    """The driver does not retry the embedded store's writes, so one sent into a broken connection would fail."""
    store = Store("mongodb://127.0.0.1:1", "nothing")
    idle = store.database.client.options.pool_options.max_idle_time_seconds
    await store.stop()
    assert idle is not None
    assert idle < min(CUT_BY_SECANTUSDB_SECONDS, CUT_BY_COMMON_FIREWALLS_SECONDS)


async def test_recent_writes_are_read_whatever_the_address_configures() -> None:
    """A secondary may not have the document yet, and neither may a majority after an unacknowledged write."""
    store = Store("mongodb://127.0.0.1:1/?readPreference=secondaryPreferred&readConcernLevel=majority", "nothing")
    collection = store.collection("things")
    await store.stop()
    assert collection.read_preference == ReadPreference.PRIMARY
    assert collection.read_concern == ReadConcern()
