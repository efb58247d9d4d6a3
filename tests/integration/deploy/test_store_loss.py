"""The store is down for a while."""

import httpx2
import pytest
from tests.support.deploy import DeployCaller, key, running, settings_for, state
from tests.support.secantus import SecantusServer

from deploy_service.adapters.mongo_environment import sealed_entries
from deploy_service.bootstrap import INDEXES, build
from shared.errors import Unavailable
from shared.security.aes_gcm import AesGcmKeyRing
from shared.security.rotation import KeyRotation
from shared.service import ServiceName
from shared.store.client import Store


async def test_without_the_store_calls_are_refused_and_afterwards_all_is_there(
    private_secantus: SecantusServer,
) -> None:
    settings = settings_for(private_secantus.uri, "test")
    store = Store(settings.mongodb_uri, "test_deploy", INDEXES, timeout_ms=1_000)
    async with running(build(settings, store=store)) as app:
        gateway = DeployCaller(app, settings, ServiceName.GATEWAY)
        probe = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://deploy")
        workflow = await gateway.create(state())
        deployed = await gateway.deploy(workflow.id)
        assert (await probe.get("/readyz")).status_code == 200

        private_secantus.kill()
        with pytest.raises(Unavailable):
            await gateway.endpoint(workflow.id)
        with pytest.raises(Unavailable):
            await gateway.deploy(workflow.id)
        with pytest.raises(Unavailable):
            await KeyRotation(sealed_entries(store), AesGcmKeyRing.parse(key("k1"))).start()
        assert (await probe.get("/readyz")).status_code == 503
        assert (await probe.get("/healthz")).status_code == 200

        private_secantus.start()
        assert await gateway.endpoint(workflow.id) == deployed.endpoint
        assert (await gateway.deploy(workflow.id)).version.number == 2
        await probe.aclose()
        await gateway.http.stop()
