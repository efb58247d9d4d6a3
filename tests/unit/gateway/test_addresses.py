"""The address under which a caller without a key is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.passwords import caller_address, networks

PROXIES = networks(["10.0.0.0/8", "::1"])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "counted"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.2.3.4", "198.51.100.1"),
        ("10.0.0.1", "10.2.3.4", "10.2.3.4"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "", "203.0.113.7"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "no address", "unknown"),
        ("", "", "unknown"),
    ],
)
def test_only_headers_of_trusted_proxies_are_used(peer: str, forwarded_for: str, counted: str) -> None:
    assert caller_address(peer, forwarded_for, PROXIES) == counted


@given(st.text(max_size=200))
def test_no_header_can_make_a_stranger_another(header: str) -> None:
    assert caller_address("203.0.113.7", header, PROXIES) == "203.0.113.7"


@given(st.text(max_size=200))
def test_every_header_of_a_proxy_gives_some_address(header: str) -> None:
    assert caller_address("10.0.0.1", header, PROXIES)
