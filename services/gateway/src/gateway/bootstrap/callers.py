"""Callers: keys, sessions, permissions and rate limits."""

from dataclasses import dataclass

from gateway.access.application.audit import AuditLog
from gateway.access.application.authentication import Authentication
from gateway.access.application.key_usage import KeyUsage
from gateway.access.application.rate_limiter import RateLimiter
from gateway.access.application.rate_limits import RateLimits
from gateway.access.application.revocations import Revocations
from gateway.access.application.sessions import Sessions
from gateway.access.application.sign_in_attempts import SignInAttempts
from gateway.access.domain.addresses import networks
from gateway.access.domain.credentials import session_cookie
from gateway.access.domain.plans import Plans
from gateway.bootstrap.outside import Outside
from gateway.http.access import WorkspaceAccess
from gateway.http.rate_limit_headers import RateLimitHeaders
from gateway.runs.application.stream_access import StreamAccess
from gateway.runs.application.usage import UsageReports
from gateway.settings import GatewaySettings
from gateway.v1.routes import V1Access
from gateway.v2.routes import V2Access
from gateway.workflows.application.endpoints import Endpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class Callers:
    """Caller services that all subjects share."""

    plans: Plans
    endpoints: Endpoints
    revocations: Revocations
    audit: AuditLog
    attempts: SignInAttempts
    sessions: Sessions
    key_uses: KeyUsage
    authentication: Authentication
    stream_access: StreamAccess
    limits: RateLimits
    rate_limits: RateLimitHeaders
    reports: UsageReports
    legacy: WorkspaceAccess
    v1: V1Access
    v2: V2Access


def build_caller_services(settings: GatewaySettings, outside: Outside) -> Callers:
    """Build them from the gateway's database and plans."""
    store, clock, plans = outside.store, outside.clock, settings.plans()
    revocations = Revocations(outside.broker.control, settle_seconds=settings.settle_seconds)
    audit, attempts = AuditLog(outside.audit_entries, clock), SignInAttempts(store, clock)
    sessions = Sessions(
        store,
        store,
        passwords=outside.passwords,
        attempts=attempts,
        revocations=revocations,
        audit=audit,
        clock=clock,
    )
    key_uses = KeyUsage(store, clock)
    authentication = Authentication(store, sessions, key_uses, clock, cookie=session_cookie(settings.base_url))
    revocations.add_local_listener(authentication.on_control)
    limits = _limits(settings, outside, plans)
    rate_limits = RateLimitHeaders(limits, clock, trusted=networks(settings.trusted_proxies))
    reports = UsageReports(limits, outside.jobs, plans)
    endpoints = Endpoints(outside.deploy, clock, stale_seconds=settings.endpoint_stale_seconds)
    stream_access = StreamAccess(authentication, endpoints)
    revocations.add_local_listener(stream_access.on_control)
    return Callers(
        plans=plans,
        endpoints=endpoints,
        revocations=revocations,
        audit=audit,
        attempts=attempts,
        sessions=sessions,
        key_uses=key_uses,
        authentication=authentication,
        stream_access=stream_access,
        limits=limits,
        rate_limits=rate_limits,
        reports=reports,
        legacy=WorkspaceAccess(authentication, endpoints, rate_limits),
        v1=V1Access(authentication, endpoints, rate_limits, reports=reports, clock=clock),
        v2=V2Access(authentication, endpoints, rate_limits),
    )


def _limits(settings: GatewaySettings, outside: Outside, plans: Plans) -> RateLimits:
    return RateLimits(
        RateLimiter(outside.buckets, outside.clock),
        plans,
        window_seconds=settings.rate_limit_window_ms / 1000,
        per_address=settings.rate_limit_address,
        public_per_address=settings.rate_limit_public_address,
    )
