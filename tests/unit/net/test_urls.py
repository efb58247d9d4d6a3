"""Parsing of URLs."""

import pytest

from shared.net import BlockedAddress
from shared.net.urls import read_redirect, read_target

READ = [
    ("https://example.com", "https://example.com/"),
    ("  https://example.com/a\n", "https://example.com/a"),
    ("HTTPS://EXAMPLE.com:443/A", "https://example.com/A"),
    ("https://example.com.", "https://example.com/"),
    ("https://example.com:/", "https://example.com/"),
    ("https://example.com:8443?q=1#part", "https://example.com:8443/?q=1"),
    ("https://example.com/a b/ü?q=a b&r='ü'", "https://example.com/a%20b/%C3%BC?q=a%20b&r=%27%C3%BC%27"),
    ("https://example.com/%20%zz", "https://example.com/%20%zz"),
    ("https://bücher.example/", "https://xn--bcher-kva.example/"),
    ("https://BÜCHER。example/", "https://xn--bcher-kva.example/"),
    ("https://a_b.example.com/", "https://a_b.example.com/"),
    ("https://[2606:4700:0:0::1111]:8443/", "https://[2606:4700::1111]:8443/"),
    ("https://0x08080808/", "https://8.8.8.8/"),
    ("https://8.8.2056/", "https://8.8.8.8/"),
    ("https://user:pass@example.com/", "https://example.com/"),
    ("https://example.com/?next=http://10.0.0.1/@b", "https://example.com/?next=http://10.0.0.1/@b"),
]

NOT_URLS = [
    "",
    " ",
    "example.com",
    "//example.com",
    "https://",
    "https:example.com",
    "https:/example.com",
    "https:///example.com",
    "https://?q",
    "https://:443/",
    "https://user@/",
    "https://exa mple.com/",
    "https://example.com\\@10.0.0.1/",
    "https://example.com\\.evil.example/",
    "https://exam\tple.com/",
    "https://example.com/\r\nHost: x",
    "https://example.com/\x00",
    "https://example..com/",
    "https://.example.com/",
    "https://example.com../",
    "https://-%2f.com/",
    "https://%31%30.0.0.1/",
    "https://[::1/",
    "https://[::1]x/",
    "https://[]/",
    "https://[example.com]/",
    "https://::1/",
    "https://example.com:65536/",
    "https://example.com:0/",
    "https://example.com:-1/",
    "https://example.com:٤٤٣/",
    "https://example.com:443:443/",
    "https://256.1.1.1/",
    "https://1.2.3.4.5/",
    "https://09.1.1.1/",
    "https://0xg.1/",
    "https://4294967296/",
    "https://a.0x/x.1.2.3.4.0xzz",
    f"https://{'a' * 64}.example/",
    f"https://{'a.' * 127}example/",
    f"https://example.com/{'a' * 70_000}",
    "https://\ud800.example/",
    "https://example.com/\ud800",
    "https://ex℀mple.com/",
]


@pytest.mark.parametrize(("given", "read"), READ)
def test_a_url_is_parsed_as_in_a_browser(given: str, read: str) -> None:
    assert str(read_target(given)) == read


@pytest.mark.parametrize("given", NOT_URLS)
def test_an_invalid_url_is_refused(given: str) -> None:
    with pytest.raises(BlockedAddress, match=r"^url must be a valid URL$"):
        read_target(given)


@pytest.mark.parametrize("given", ["ftp://a.example/", "file:///etc/passwd", "javascript:alert(1)", "localhost:80/"])
def test_other_schemes_are_refused(given: str) -> None:
    with pytest.raises(BlockedAddress, match=r"^url must use https:// protocol$"):
        read_target(given)


def test_user_and_password_become_a_header() -> None:
    assert read_target("https://us%65r:p%40ss:word@a.example/").authorization == "Basic dXNlcjpwQHNzOndvcmQ="
    assert read_target("https://user@a.example/").authorization == "Basic dXNlcjo="
    assert read_target("https://a@b@c.example/").host == "c.example"
    assert read_target("https://a.example/").authorization is None


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/b", "https://a.example/b"),
        ("c", "https://a.example/x/c"),
        ("../d", "https://a.example/d"),
        ("//b.example/", "https://b.example/"),
        ("?q", "https://a.example/x/y?q"),
        ("https://b.example:8443/ü", "https://b.example:8443/%C3%BC"),
    ],
)
def test_a_redirect_is_relative_to_the_url_that_sent_it(location: str, leads_to: str) -> None:
    assert str(read_redirect(read_target("https://a.example/x/y"), location)) == leads_to


@pytest.mark.parametrize("location", ["https://[", "https://a b/", "https://a.example:99999/"])
def test_a_redirect_to_an_invalid_url_is_refused(location: str) -> None:
    with pytest.raises(BlockedAddress, match="valid URL"):
        read_redirect(read_target("https://a.example/"), location)
