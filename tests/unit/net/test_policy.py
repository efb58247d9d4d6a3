"""What operators can allow, and the wording of refusals."""

import ipaddress

import pytest

from executor_service.settings import ExecutorSettings
from jobs_service.settings import JobsSettings
from shared.net import BlockedAddress, OutboundPolicy
from shared.net.settings import OutboundSettings
from shared.net.urls import read_target

HTTPS = r"^url must use https:// protocol$"
PRIVATE = r"^url cannot point to private IP addresses$"
PORT = r"^url uses a blocked port$"


def check(url: str, *allow: str, resolved: tuple[str, ...] = ()) -> None:
    """Check the URL first, then its resolved address, as a call does."""
    policy, target = OutboundPolicy(allow), read_target(url)
    if policy.check(target) is None and resolved:
        policy.check_addresses(target, [ipaddress.ip_address(text) for text in resolved])


@pytest.mark.parametrize("url", ["https://example.com/", "https://8.8.8.8/", "https://[2606:4700::1]:8443/"])
def test_the_open_internet_may_be_called_over_https(url: str) -> None:
    check(url)


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("http://example.com/", HTTPS),
        ("http://localhost:8000/", HTTPS),
        ("http://127.0.0.1:22/", HTTPS),
        ("https://127.0.0.1:22/", PRIVATE),
        ("https://localhost/", PRIVATE),
        ("https://a.localhost./", PRIVATE),
        ("https://example.com:6379/", PORT),
        ("https://8.8.8.8:22/", PORT),
    ],
)
def test_the_first_reason_of_a_refusal_is_reported(url: str, refusal: str) -> None:
    with pytest.raises(BlockedAddress, match=refusal):
        check(url)


@pytest.mark.parametrize("port", [22, 23, 25, 3306, 5432, 6379, 27017, 9200])
def test_ports_of_databases_and_shells_stay_blocked_where_the_address_is_open(port: int) -> None:
    with pytest.raises(BlockedAddress, match=PORT):
        check(f"http://localhost:{port}/", "localhost")


@pytest.mark.parametrize("resolved", [("10.0.0.1",), ("8.8.8.8", "10.0.0.1"), ("2606:4700::1", "::1")])
def test_one_inner_address_among_the_answers_refuses_the_name(resolved: tuple[str, ...]) -> None:
    with pytest.raises(BlockedAddress, match=PRIVATE):
        check("https://example.com/", resolved=resolved)


@pytest.mark.parametrize(
    ("url", "allow"),
    [
        ("http://localhost:8000/", "localhost"),
        ("http://127.9.9.9/", "localhost"),
        ("https://[::1]/", "localhost"),
        ("http://a.localhost/", "localhost"),
        ("http://localhost/", "127.0.0.0/8"),
        ("http://localhost/", "::1"),
        ("http://10.1.2.3/", "10.0.0.0/8"),
        ("https://[::ffff:10.1.2.3]/", "10.0.0.0/8"),
        ("http://10.1.2.3/", "10.1.2.3"),
        ("http://10.1.2.3/", "10.1.2.99/24"),
        ("http://[fd00::1]/", "fd00::/8"),
    ],
)
def test_an_open_address_may_be_called_over_http_too(url: str, allow: str) -> None:
    check(url, "192.168.7.7", allow)


@pytest.mark.parametrize(
    ("url", "resolved"),
    [("http://inner.example/", ("10.0.0.1",)), ("https://INNER.example./", ("10.0.0.1", "8.8.8.8"))],
)
def test_an_open_name_may_resolve_to_anything(url: str, resolved: tuple[str, ...]) -> None:
    check(url, "Inner.example.", resolved=resolved)


def test_a_name_in_an_open_network_may_be_called_over_http() -> None:
    check("http://db.example/", "10.0.0.0/8", resolved=("10.0.0.1", "10.0.0.2", "::ffff:10.0.0.3"))


@pytest.mark.parametrize("resolved", [("8.8.8.8",), ("10.0.0.1", "8.8.8.8"), ("192.168.0.1",)])
def test_http_stays_closed_to_addresses_that_are_not_allowed(resolved: tuple[str, ...]) -> None:
    with pytest.raises(BlockedAddress, match=HTTPS):
        check("http://example.com/", "10.0.0.0/8", resolved=resolved)


@pytest.mark.parametrize(
    ("url", "allow"),
    [
        ("https://169.254.169.254/", "169.254.0.0/16"),
        ("https://169.254.169.254/", "169.254.169.254/31"),
        ("https://100.100.100.200/", "100.64.0.0/10"),
        ("https://168.63.129.16/", "0.0.0.0/0"),
        ("https://[fd00:ec2::254]/", "fd00::/8"),
        ("https://[::ffff:169.254.169.254]/", "0.0.0.0/0"),
    ],
)
def test_an_open_network_does_not_open_a_clouds_secrets(url: str, allow: str) -> None:
    with pytest.raises(BlockedAddress, match=PRIVATE):
        check(url, allow)
    check(url, str(read_target(url).host))


def test_an_open_name_does_not_open_a_clouds_secrets() -> None:
    with pytest.raises(BlockedAddress, match=PRIVATE):
        check("https://inner.example/", "inner.example", resolved=("169.254.169.254",))


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "*.example", "http://localhost", "localhost:80", "a b", "1.2.3.4.5"])
@pytest.mark.parametrize("kind", [ExecutorSettings, JobsSettings])
def test_an_entry_without_effect_stops_the_start(kind: type[OutboundSettings], entry: str) -> None:
    with pytest.raises(ValueError, match="is not a network, an address or a host name"):
        kind(outbound_allow=(entry,))


def test_empty_entries_are_ignored() -> None:
    OutboundPolicy(["", "  "]).check(read_target("https://example.com/"))


def test_the_operator_opens_networks_by_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWPORT_OUTBOUND_ALLOW", "localhost, 10.0.0.0/8,inner.example")
    allow = ExecutorSettings().outbound_allow
    for url in ("http://localhost:8000/", "http://10.1.2.3/", "http://inner.example/"):
        check(url, *allow, resolved=("10.0.0.1",))
