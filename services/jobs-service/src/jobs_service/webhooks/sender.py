"""Sends webhooks under the same rules as workflows' calls: to the public internet and addresses that the operator
allows.
"""

from collections.abc import Mapping

from jobs_service.webhooks.ports import WebhookAnswer
from shared.errors import InvalidRequest
from shared.net import BlockedAddress, OutboundClient, OutboundError, OutboundPolicy, OutboundRequest
from shared.net.urls import read_target


class GuardedSender:
    """Implements WebhookSender."""

    def __init__(self, outbound: OutboundClient, policy: OutboundPolicy) -> None:
        self._outbound = outbound
        self._policy = policy

    def check(self, url: str) -> None:
        try:
            self._policy.check(read_target(url))
        except BlockedAddress as error:
            raise InvalidRequest(error.message) from error

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, workspace_id: str, seconds: float
    ) -> WebhookAnswer:
        call = OutboundRequest(
            "POST", url, headers, body, timeout_seconds=seconds, workspace_id=workspace_id, keeps_method=True
        )
        try:
            answer = await self._outbound.send(call)
        except OutboundError as error:
            return WebhookAnswer(None, error.message, refused=isinstance(error, BlockedAddress))
        return WebhookAnswer(answer.status, answer.reason, answer.body[:2_000].decode(errors="replace"))
