"""Typed client of deploy-service."""

from shared.clients.deploy.publications import HttpAgentClient, HttpChatClient, HttpToolServerClient
from shared.clients.deploy.worker import WorkerDeployClient
from shared.clients.deploy.workflows import HttpDeployClient
from shared.web.client import InternalClient


class DeployService:
    """deploy-service by subject. All calls share the connections, the timeout and the retry policy of `client`."""

    def __init__(self, client: InternalClient) -> None:
        self.workflows = HttpDeployClient(client)
        self.worker = WorkerDeployClient(client)
        self.chats = HttpChatClient(client)
        self.agents = HttpAgentClient(client)
        self.tool_servers = HttpToolServerClient(client)
