"""Bodies: as sent or compressed, whole or in parts, up to the bound and no further."""

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.net import OutboundFailed, ResponseTooLarge
from shared.net.body_reader import BodyReader


def bare_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(body) + compressor.flush()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "X-GZIP ": gzip.compress,
    "deflate": zlib.compress,
}


def read(encoding: str, *parts: bytes, limit: int = 10_000) -> bytes:
    reader = BodyReader(encoding, limit)
    for part in parts:
        reader.feed(part)
    return reader.body()


@given(encoding=st.sampled_from(list(COMPRESS)), body=st.binary(max_size=2000), size=st.integers(1, 500))
def test_a_body_is_the_same_however_it_is_sent_and_cut(encoding: str, body: bytes, size: int) -> None:
    sent = COMPRESS[encoding](body)
    parts = [sent[start : start + size] for start in range(0, len(sent), size)]
    assert read(encoding, *parts) == body


@given(body=st.binary(min_size=1, max_size=500))
def test_deflate_without_its_frame_is_read_too(body: bytes) -> None:
    assert read("deflate", bare_deflate(body)) == body


def test_gzip_may_have_several_members() -> None:
    assert read("gzip", gzip.compress(b"a") + gzip.compress(b"b") + b"\0\0") == b"ab"
    assert read("gzip", gzip.compress(b"a"), gzip.compress(b"b")) == b"ab"


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
def test_an_empty_body_is_empty_in_every_encoding(encoding: str) -> None:
    assert read(encoding) == b""


@pytest.mark.parametrize("encoding", COMPRESS)
def test_a_body_as_large_as_the_bound_is_read_and_one_byte_more_is_not(encoding: str) -> None:
    assert len(read(encoding, COMPRESS[encoding](b"x" * 10_000))) == 10_000
    with pytest.raises(ResponseTooLarge, match="Response is larger than 10000 bytes"):
        read(encoding, COMPRESS[encoding](b"x" * 10_001))


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_truncated_body_is_an_error(encoding: str) -> None:
    with pytest.raises(OutboundFailed, match="incomplete"):
        read(encoding, COMPRESS[encoding](b"x" * 1000)[:-6])


@pytest.mark.parametrize(("encoding", "sent"), [("gzip", b"plain"), ("deflate", b"\xff\xff plain")])
def test_a_body_that_contradicts_its_encoding_fails(encoding: str, sent: bytes) -> None:
    with pytest.raises(OutboundFailed, match="cannot be decompressed"):
        read(encoding, sent)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_unrequested_encodings_fail(encoding: str) -> None:
    with pytest.raises(OutboundFailed, match=f"unknown content encoding: {encoding}"):
        read(encoding, b"x")


def test_too_many_chunks_are_refused_however_small() -> None:
    reader = BodyReader("", 10_000_000)
    for _ in range(200_000):
        reader.feed(b"x")
    with pytest.raises(ResponseTooLarge, match="too many chunks"):
        reader.feed(b"x")
