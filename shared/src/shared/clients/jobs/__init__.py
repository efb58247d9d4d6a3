"""Typed client of jobs-service."""

from shared.clients.jobs.conversations import JobsMemoryStore
from shared.clients.jobs.dead_letters import HttpDeadLetterClient
from shared.clients.jobs.files import JobsFileStore
from shared.clients.jobs.payloads import PayloadStore
from shared.clients.jobs.recordings import HttpRecordingClient
from shared.clients.jobs.repairs import HttpRepairClient
from shared.clients.jobs.replay_sets import HttpReplaySetClient
from shared.clients.jobs.runs import HttpJobsClient
from shared.clients.jobs.webhooks import HttpWebhookClient
from shared.clients.jobs.worker_runs import WorkerRunClient
from shared.web.client import InternalClient


class JobsService:
    """Clients of jobs-service, one per subject, which share the connections, timeout and retry policy of `client`."""

    def __init__(self, client: InternalClient) -> None:
        self.runs = HttpJobsClient(client)
        self.worker_runs = WorkerRunClient(client)
        self.payloads = PayloadStore(client)
        self.files = JobsFileStore(client)
        self.conversations = JobsMemoryStore(client)
        self.recordings = HttpRecordingClient(client)
        self.replay_sets = HttpReplaySetClient(client)
        self.repairs = HttpRepairClient(client)
        self.dead_letters = HttpDeadLetterClient(client)
        self.webhooks = HttpWebhookClient(client)
