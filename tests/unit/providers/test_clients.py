"""Clients are cached while in use and closed when there are too many, without losing a connection or a call."""

from contextlib import AsyncExitStack

from executor_service.providers.client_cache import MAX_CLIENTS, ClientCache


class Client:
    """Records whether it was closed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_closed = False

    async def close(self) -> None:
        self.is_closed = True


class World:
    """Every created client."""

    def __init__(self) -> None:
        self.made: list[Client] = []
        self.clients = ClientCache(self._make, Client.close)

    def _make(self, name: str) -> Client:
        self.made.append(client := Client(name))
        return client

    async def use(self, *names: str) -> None:
        for name in names:
            async with self.clients.of(name):
                pass

    @property
    def closed(self) -> list[str]:
        return [client.name for client in self.made if client.is_closed]


FULL = [f"key-{number}" for number in range(MAX_CLIENTS)]


async def test_a_client_is_created_once_and_reused() -> None:
    world = World()
    await world.use("a", "b", "a")
    assert [client.name for client in world.made] == ["a", "b"]
    assert world.closed == []


async def test_one_too_many_closes_the_one_that_was_not_used_for_longest() -> None:
    world = World()
    await world.use(*FULL, FULL[0], "new")
    assert world.closed == [FULL[1]]


async def test_a_call_is_not_cut_by_however_many_others() -> None:
    world = World()
    async with world.clients.of("busy") as busy:
        await world.use(*FULL, *(f"other-{number}" for number in range(MAX_CLIENTS)))
        assert not busy.is_closed
        async with world.clients.of("busy") as again:
            assert again is busy
        assert not busy.is_closed


async def test_excess_clients_are_closed_after_a_rush() -> None:
    world = World()
    async with AsyncExitStack() as rush:
        for name in [*FULL, "a", "b"]:
            await rush.enter_async_context(world.clients.of(name))
        assert world.closed == []
    assert len(world.closed) == 2


async def test_all_are_closed_at_the_end() -> None:
    world = World()
    await world.use(*FULL, "new")
    await world.clients.stop()
    assert len(world.closed) == len(world.made)
