"""How long a connection to the store may be idle and still be used."""

from shared.store.client import Store

CUT_BY_SECANTUSDB_SECONDS = 300
CUT_BY_COMMON_FIREWALLS_SECONDS = 240


async def test_an_idle_connection_is_given_up_before_anybody_cuts_it() -> None:
    """The embedded store's writes are not repeated by the driver, so one sent into a cut connection would fail."""
    store = Store("mongodb://127.0.0.1:1", "nothing")
    idle = store.database.client.options.pool_options.max_idle_time_seconds
    await store.stop()
    assert idle is not None
    assert idle < min(CUT_BY_SECANTUSDB_SECONDS, CUT_BY_COMMON_FIREWALLS_SECONDS)
