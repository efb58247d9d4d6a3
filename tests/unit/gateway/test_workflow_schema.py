"""The schema of workflow files is there for every editor."""

from tests.support.gateway.system import System

from shared.workflow.catalog import installed_catalog
from shared.workflow.files.schema import file_schema


async def test_the_schema_is_served_without_a_key(system: System) -> None:
    answer = await system.get("/schemas/workflow.json", key=None)
    assert answer.status == 200
    assert answer.json == file_schema(installed_catalog())
    assert answer.headers["access-control-allow-origin"] == "*"
