"""Environment values over the internal API of deploy-service."""

from tests.support.deploy import DeployCaller

from shared.contracts.deployments import Environment, SetEnvironmentValue


async def put(gateway: DeployCaller, name: str, value: str, workspace: str = "ws") -> None:
    path = f"/internal/environment/{workspace}/names/{name}"
    await gateway.http.call("PUT", path, body=SetEnvironmentValue(value, "member-1"))


async def values(executor: DeployCaller, workspace: str = "ws") -> dict[str, str]:
    path = f"/internal/environment/{workspace}"
    return (await executor.http.call("GET", path, returns=Environment)).values
