"""Tables, frames and properties: round trips, and rejection of invalid data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowport_amqp import properties
from flowport_amqp.content import BODY_MAX, ContentReader
from flowport_amqp.errors import ProtocolError
from flowport_amqp.frames import BODY, FRAME_MAX, HEADER, METHOD, FrameReader, body_frames, frame
from flowport_amqp.methods import content_header
from flowport_amqp.wire import Reader, long_string, short_string, table

names = st.text(max_size=40)
fields = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=50),
    lambda inner: st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
frames = st.tuples(st.sampled_from((METHOD, HEADER, BODY)), st.integers(0, 65535), st.binary(max_size=300))


@given(st.dictionaries(names, fields, max_size=5))
def test_tables_round_trip(written: dict[str, bool | int | str]) -> None:
    assert Reader(table(written)).table() == written


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_table_or_an_error(data: bytes) -> None:
    try:
        Reader(data).table()
    except ProtocolError:
        return


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_properties_or_an_error(data: bytes) -> None:
    try:
        properties.decode(content_header(0, data))
    except ProtocolError:
        return


def test_deeply_nested_tables_are_rejected() -> None:
    nested = table({})
    for _ in range(100):
        nested = long_string(short_string("deeper") + b"F" + nested)
    with pytest.raises(ProtocolError, match="deep"):
        Reader(nested).table()


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        (b"V", None),
        (b"b\xff", -1),
        (b"B\xff", 255),
        (b"s\xff\xfe", -2),
        (b"u\xff\xfe", 65534),
        (b"i\xff\xff\xff\xff", 2**32 - 1),
        (b"L" + b"\xff" * 8, 2**64 - 1),
        (b"T\0\0\0\0\0\0\0\x05", 5),
        (b"d?\xf8\0\0\0\0\0\0", 1.5),
        (b"f?\xc0\0\0", 1.5),
        (b"D\x02\0\0\0\x96", 1.5),
        (b"x\0\0\0\x02\xff\xfe", b"\xff\xfe"),
        (b"A\0\0\0\x04t\x01t\0", [True, False]),
        (b"S\0\0\0\x01\xff", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_every_field_type_is_decoded(encoded: bytes, value: object) -> None:
    assert Reader(long_string(short_string("field") + encoded)).table() == {"field": value}


def test_properties_round_trip_and_headers_are_found() -> None:
    written = properties.encode(delivery_mode=2, expiration_ms=500, message_id="7")
    read = properties.decode(content_header(0, written))
    assert (read.headers, read.message_id) == ({}, "7")
    assert not properties.has_headers(content_header(0, written))
    flags = (1 << 15 | 1 << 14 | 1 << 13).to_bytes(2, "big")
    foreign = content_header(0, flags + short_string("text/plain") + short_string("gzip") + table({"a": 1}))
    assert properties.has_headers(foreign)
    assert properties.decode(foreign).headers == {"a": 1}


@given(st.lists(frames, max_size=8), st.lists(st.integers(1, 400), max_size=20))
def test_frames_are_decoded_from_any_split_of_the_bytes(sent: list[tuple[int, int, bytes]], cuts: list[int]) -> None:
    data = b"".join(frame(*one) for one in sent)
    received: list[tuple[int, int, bytes]] = []
    reader = FrameReader(lambda kind, channel, payload: received.append((kind, channel, payload)))
    for cut in cuts:
        reader.feed(data[:cut])
        data = data[cut:]
    reader.feed(data)
    assert received == sent


def test_a_stopped_reader_passes_on_no_frame() -> None:
    received: list[bytes] = []

    def take_one(kind: int, channel: int, payload: bytes) -> None:
        received.append(payload)
        reader.stop()

    reader = FrameReader(take_one)
    reader.feed(frame(METHOD, 0, b"first") + frame(METHOD, 0, b"second"))
    assert received == [b"first"]


@pytest.mark.parametrize(
    "hostile",
    [
        b"\x01\0\0\xff\xff\xff\xff",
        b"\x01\0\0" + FRAME_MAX.to_bytes(4, "big"),
        frame(METHOD, 0, b"payload")[:-1] + b"\0",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
def test_invalid_frames_are_rejected_before_they_are_buffered(hostile: bytes) -> None:
    with pytest.raises(ProtocolError):
        FrameReader(lambda kind, channel, payload: None).feed(hostile)


@given(st.binary(max_size=5000), st.integers(9, 600))
def test_bodies_round_trip_through_frames(body: bytes, frame_max: int) -> None:
    received: list[bytes] = []
    content = ContentReader(lambda method, header, whole: received.append(whole))
    content.begin(b"method")
    content.header(content_header(len(body), b"\0\0"))
    FrameReader(lambda kind, channel, payload: content.body(payload)).feed(body_frames(1, body, frame_max))
    assert received == [body]
    assert content.is_idle


def test_unexpected_body_frames_are_rejected() -> None:
    content = ContentReader(lambda method, header, body: None)
    with pytest.raises(ProtocolError):
        content.body(b"no header came")
    with pytest.raises(ProtocolError):
        content.header(content_header(1, b"\0\0"))
    content.begin(b"method")
    with pytest.raises(ProtocolError):
        content.header(content_header(BODY_MAX + 1, b"\0\0"))
    content.header(content_header(3, b"\0\0"))
    with pytest.raises(ProtocolError):
        content.body(b"four")
    with pytest.raises(ProtocolError):
        content.header(content_header(3, b"\0\0"))


@pytest.mark.parametrize("cut", [0, 3, 11])
def test_a_truncated_content_header_is_rejected(cut: int) -> None:
    content = ContentReader(lambda method, header, body: None)
    content.begin(b"method")
    with pytest.raises(ProtocolError):
        content.header(content_header(3, b"\0\0")[:cut])
