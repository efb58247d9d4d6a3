"""One deploy-service per test, each with a separate database."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from tests.support.deploy import DeployCaller, running, settings_for

from deploy_service.bootstrap import build
from deploy_service.settings import DeploySettings
from shared.service import ServiceName


@pytest.fixture
def settings(mongodb_uri: str, mongodb_prefix: str) -> DeploySettings:
    return settings_for(mongodb_uri, mongodb_prefix)


@pytest.fixture
async def app(settings: DeploySettings) -> AsyncIterator[FastAPI]:
    async with running(build(settings)) as app:
        yield app


@pytest.fixture
async def gateway(app: FastAPI, settings: DeploySettings) -> AsyncIterator[DeployCaller]:
    caller = DeployCaller(app, settings, ServiceName.GATEWAY)
    yield caller
    await caller.http.stop()


@pytest.fixture
async def executor(app: FastAPI, settings: DeploySettings) -> AsyncIterator[DeployCaller]:
    caller = DeployCaller(app, settings, ServiceName.EXECUTOR)
    yield caller
    await caller.http.stop()


@pytest.fixture
async def jobs(app: FastAPI, settings: DeploySettings) -> AsyncIterator[DeployCaller]:
    caller = DeployCaller(app, settings, ServiceName.JOBS)
    yield caller
    await caller.http.stop()
