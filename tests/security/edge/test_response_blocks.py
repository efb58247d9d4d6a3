"""Workflows of untrusted authors answer from our origin: no header that they set affects it, or a proxy."""

import pytest
from tests.support.gateway.system import BASE, Answer, System
from tests.support.gateway.worker import ends, outcome

ATTACKS = {
    "a cookie of the console": {"Set-Cookie": "__Host-flowport_session=stolen; Path=/"},
    "a cookie, spelled oddly": {"  sEt-CoOkIe  ": "flowport_session=stolen"},
    "reading from another origin": {
        "Access-Control-Allow-Origin": "https://evil.example",
        "Access-Control-Allow-Credentials": "true",
    },
    "a policy that lets scripts run": {"Content-Security-Policy": "sandbox allow-scripts allow-same-origin"},
    "a report of what others do": {"Content-Security-Policy-Report-Only": "default-src 'none'; report-uri //evil"},
    "reports of the whole origin": {"Reporting-Endpoints": 'all="https://evil.example"', "NEL": '{"report_to":"all"}'},
    "guessing the type": {"X-Content-Type-Options": "sniff"},
    "a service worker for every page": {"Service-Worker-Allowed": "/"},
    "signing everybody out": {"Clear-Site-Data": '"*"'},
    "https for ever": {"Strict-Transport-Security": "max-age=99999999; includeSubDomains"},
    "another server": {"Alt-Svc": 'h3="evil.example:443"'},
    "a lie about the length": {"Content-Length": "1"},
    "another framing": {"Transfer-Encoding": "chunked", "Connection": "upgrade", "Upgrade": "h2c"},
    "an encoding that the body does not have": {"Content-Encoding": "gzip"},
    "a file of the proxy": {"X-Accel-Redirect": "/internal/secrets", "X-Sendfile": "/etc/passwd"},
    "a proxy that keeps it": {"X-Accel-Expires": "86400"},
    "limits of another API": {"X-RateLimit-Remaining": "9", "RateLimit": '"sync";r=9;t=1', "RateLimit-Policy": "x"},
    "the name of another run": {"X-Request-Id": "mine", "X-Execution-Id": "mine"},
    "a second header in the first": {"X-Broken": "a\r\nSet-Cookie: flowport_session=stolen"},
    "invalid names": {"X-Bro ken": "a", "": "b", "X-Broken:": "c"},
}
OWN = {"content-type", "content-length", "content-security-policy", "x-content-type-options"}


async def answered(system: System, headers: dict[str, str]) -> Answer:
    """Return the answer of a workflow that ends in a Response block with these headers."""
    block = {"data": "<script>steal()</script>", "status": 200, "headers": {"Content-Type": "text/html", **headers}}
    system.worker.script = ends(outcome(block, is_response=True))
    return await system.execute({}, headers={"origin": BASE})


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_header_of_a_workflow_has_power_over_our_origin(system: System, attack: str) -> None:
    harmless, hostile = await answered(system, {}), await answered(system, ATTACKS[attack])
    assert set(hostile.headers) == set(harmless.headers)
    shown = {name: value for name, value in hostile.headers.items() if name in OWN or name.startswith("access-control")}
    assert shown.items() <= harmless.headers.items()
    assert not set(ATTACKS[attack].values()) & set(hostile.headers.values())


async def test_a_page_of_a_workflow_is_sandboxed(system: System) -> None:
    answer = await answered(system, {})
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_harmless_headers_are_sent(system: System) -> None:
    answer = await answered(system, {"X-A": "1", "Cache-Control": "no-store", "Location": "/next", "Retry-After": "3"})
    assert [answer.headers[name] for name in ("x-a", "cache-control", "location", "retry-after")] == [
        "1",
        "no-store",
        "/next",
        "3",
    ]


async def test_a_time_to_come_again_that_clients_would_fail_on_is_left_out(system: System) -> None:
    for unreadable in ("soon", "1.5", "Wed, 25 Nov 2026 03:29:11 GMT"):
        assert "retry-after" not in (await answered(system, {"Retry-After": unreadable})).headers
