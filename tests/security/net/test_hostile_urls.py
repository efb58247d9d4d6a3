"""No spelling of a URL leads to an internal address."""

import ipaddress
import socket
from typing import Final

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from shared.net import BlockedAddress, OutboundPolicy
from shared.net.addresses import is_public
from shared.net.hosts import read_host
from shared.net.urls import read_target

CLOSED: Final = OutboundPolicy()

INNER_IPV4 = [
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
]

INNER_IPV6 = [
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:0:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::",
    "64:ff9b:1::",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1:ffff::a00:1",
    "100::1",
    "2001::1",
    "2001:0:a9fe:a9fe::",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "3fff::1",
    "2606:4700::5efe:a00:1",
    "2606:4700::200:5efe:808:808",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::5efe:10.0.0.1",
    "fec0::1",
    "ff02::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
]

DISGUISES = [
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0X7F.0x0.0x0.0x1/",
    "https://017700000001/",
    "https://0177.0.0.01/",
    "https://0000000000000000000177.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.65535/",
    "https://0/",
    "https://0x/",
    "https://0.0/",
    "https://127.0.0.1./",
    "https://１２７.０.０.１/",
    "https://127。0。0。1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://𝟏𝟐𝟕.𝟎.𝟎.𝟏/",
    "https://0xa9fea9fe/",
    "https://169.16689662/",
    "https://2852039166/",
    "https://169.254.43518/",
    "https://[0:0:0:0:0:FFFF:127.0.0.1]/",
    "https://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "https://[::ffff:7f00:1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[::1%25]/",
    "https://[::ffff:127.0.0.1%250]/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://ｌｏｃａｌｈｏｓｔ/",
    "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    "https://loc\u00adalhost/",
    "https://a.b.localhost/",
    "https://localhost.localdomain/",
    "https://example.com@127.0.0.1/",
    "https://example.com:443@127.0.0.1:443/",
    "https://a@b@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://127.0.0.1?@example.com/",
    "https://127.0.0.1:443/@example.com",
    "  https://127.0.0.1/  ",
    "HtTpS://127.0.0.1/",
]


def refused(url: str) -> None:
    with pytest.raises(BlockedAddress):
        CLOSED.check(read_target(url))


@pytest.mark.parametrize("address", INNER_IPV4)
def test_an_inner_ipv4_address_is_refused(address: str) -> None:
    refused(f"https://{address}/")
    refused(f"https://[::ffff:{address}]/")
    refused(f"https://[64:ff9b::{address}]/")
    with pytest.raises(BlockedAddress):
        CLOSED.check_addresses(read_target("https://a.example/"), [ipaddress.ip_address(address)])


@pytest.mark.parametrize("address", INNER_IPV6)
def test_an_inner_ipv6_address_is_refused(address: str) -> None:
    refused(f"https://[{address}]/")
    with pytest.raises(BlockedAddress):
        CLOSED.check_addresses(read_target("https://a.example/"), [ipaddress.ip_address(address)])


@pytest.mark.parametrize("url", DISGUISES)
def test_a_disguised_address_is_recognized(url: str) -> None:
    refused(url)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "172.32.0.0", "223.255.255.255"]
)
def test_neighbors_of_inner_networks_are_public(address: str) -> None:
    CLOSED.check(read_target(f"https://{address}/"))
    CLOSED.check(read_target(f"https://[64:ff9b::{address}]/"))


@pytest.mark.parametrize("address", ["2606:4700::1", "2a00:1450::1", "2001:4860:4860::8888", "2600:1f18::1"])
def test_public_ipv6_addresses_are_public(address: str) -> None:
    CLOSED.check(read_target(f"https://[{address}]/"))


inner_networks = st.sampled_from(
    ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3"]
).map(ipaddress.IPv4Network)
inner_ipv4 = inner_networks.flatmap(
    lambda net: st.integers(int(net.network_address), int(net.broadcast_address)).map(ipaddress.IPv4Address)
)
number_forms = st.sampled_from(["{:d}", "0{:o}", "000{:o}", "0x{:x}", "0X{:X}", "0x000{:x}"])
digit_alphabets = st.sampled_from(["0123456789", "０１２３４５６７８９", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗", "⓪①②③④⑤⑥⑦⑧⑨"])
dots = st.sampled_from([".", "。", "．", "｡"])


@st.composite
def ipv4_spellings(draw: st.DrawFn) -> tuple[ipaddress.IPv4Address, str]:
    """Return an internal IPv4 address in any form that some parser of addresses accepts."""
    address = draw(inner_ipv4)
    octets = list(address.packed)
    leading = draw(st.integers(0, 3))
    numbers = [*octets[:leading], int.from_bytes(bytes(octets[leading:]), "big")]
    text = ".".join(draw(number_forms).format(number) for number in numbers)
    text = text.translate(str.maketrans("0123456789", draw(digit_alphabets)))
    return address, draw(dots).join(text.split(".")) + draw(st.sampled_from(["", "."]))


@st.composite
def ipv6_spellings(draw: st.DrawFn) -> str:
    """Return an internal IPv4 address inside an IPv6 one, in any form."""
    inner = draw(inner_ipv4)
    prefix = draw(st.sampled_from([0, 0xFFFF << 32, 0xFFFF << 48, 0x64FF9B << 96, 0x64FF9B0001 << 80, 0x2606 << 112]))
    isatap = draw(st.sampled_from([0x5EFE << 32, 0x2005EFE << 32])) if prefix >> 112 == 0x2606 else 0
    number = prefix | isatap | int(inner)
    tunnel = draw(st.sampled_from([number, (0x2002 << 112) | (int(inner) << 80), (0x2001 << 112) | (int(inner) << 64)]))
    address = ipaddress.IPv6Address(tunnel)
    form = draw(st.sampled_from([str(address), address.exploded, str(address).upper()]))
    return form + draw(st.sampled_from(["", "%eth0", "%25eth0", "%1"]))


@given(ipv4_spellings())
def test_no_spelling_of_an_inner_ipv4_address_gets_through(spelt: tuple[ipaddress.IPv4Address, str]) -> None:
    address, text = spelt
    assert read_host(text) == address
    refused(f"https://{text}/")
    refused(f"https://user:pass@{text}:8443/path")


@given(ipv6_spellings())
def test_no_ipv6_spelling_of_an_inner_address_gets_through(text: str) -> None:
    refused(f"https://[{text}]/")


@given(st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address))
@example(ipaddress.IPv6Address("64:ff9b::8.8.8.8"))
def test_accepted_addresses_are_global_to_python_too(address: ipaddress.IPv6Address) -> None:
    nat64 = address in ipaddress.IPv6Network("64:ff9b::/96")
    assert not is_public(address) or nat64 or (address.is_global and not address.is_multicast)


@given(st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address))
def test_accepted_ipv4_addresses_are_global_to_python_too(address: ipaddress.IPv4Address) -> None:
    assert not is_public(address) or (address.is_global and not address.is_multicast)


@given(st.text("0123456789abcdefxX.", min_size=1, max_size=24))
@example("0x7f.1")
@example("1.0x")
@example("08.1.1.1")
def test_a_name_is_never_an_address_to_the_system(text: str) -> None:
    """The system must not parse as a number what we parse as a name: it would skip the resolver."""
    try:
        host = read_host(text)
    except ValueError:
        assume(False)
    try:
        packed = socket.inet_aton(text.removesuffix("."))
    except OSError:
        packed = None
    if packed is not None:
        assert host == ipaddress.IPv4Address(packed)


@given(st.text(max_size=40))
@example("https://[::1")
@example("https://\ud800/")
def test_any_text_is_read_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://a.example/{text}"):
        try:
            target = read_target(url)
        except BlockedAddress:
            continue
        assert str(target).isascii()
        assert read_target(str(target)).origin == target.origin
