"""A body is decoded in its sender's charset, and no sender can make that slow or fail."""

import random

import pytest

from shared.net.charsets import text_of

NAMED = [
    "utf-8", "utf-16", "utf-16be", "utf-16le", "us-ascii", "iso-8859-1", "iso-8859-8-i", "iso-8859-15", "windows-1251",
    "windows-874", "koi8-r", "koi8-u", "macintosh", "ibm866", "gbk", "gb18030", "big5", "euc-jp", "shift_jis",
    "iso-2022-jp", "euc-kr",
]  # fmt: skip


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain", "grün".encode(), "grün"),
        ("text/plain; charset=ISO-8859-1", "grün".encode("latin-1"), "grün"),
        ('text/html; charset="windows-1251"; a=b', "привет".encode("cp1251"), "привет"),
        ("text/plain;charset=windows-1252", b"5 \x80", "5 €"),
        ("text/plain; charset=Shift_JIS", "日本".encode("shift_jis"), "日本"),
        ("text/plain; charset=iso-2022-jp", "日本".encode("iso2022_jp"), "日本"),
        ("text/plain; charset=gb2312", "中文".encode("gb2312"), "中文"),
        ("text/plain; charset=EUC-KR", "한국".encode("euc_kr"), "한국"),
        ("text/plain; charset=koi8-r", "да".encode("koi8_r"), "да"),
        ("text/plain; charset=utf-16", "grün".encode("utf-16"), "grün"),
    ],
)
def test_a_body_is_read_in_the_charset_that_its_type_names(content_type: str, body: bytes, text: str) -> None:
    assert text_of(body, content_type) == text


@pytest.mark.parametrize(
    "charset",
    ["punycode", "idna", "undefined", "unicode_escape", "utf-7", "base64", "rot13", "hz", "utf-8\0", "../x", ""],
)
def test_an_unknown_charset_is_read_as_utf_8(charset: str) -> None:
    assert text_of("grün \\ud800".encode() + b"\xff", f"text/plain; charset={charset}") == "grün \\ud800\ufffd"


@pytest.mark.parametrize("charset", NAMED)
def test_any_bytes_become_text(charset: str) -> None:
    body = bytes(range(256)) + b"\x00\xd8" * 3 + random.Random(1).randbytes(5_000)
    text_of(body, f"text/plain; charset={charset}").encode()


def test_each_byte_that_stands_for_nothing_is_replaced() -> None:
    assert text_of(b"a\x81b", "text/plain; charset=cp1252") == "a\ufffdb"


@pytest.mark.parametrize("charset", ["csisolatin1", "iso-ir-100", "iso_8859-1:1987"])
def test_every_label_of_the_encoding_standard_is_known(charset: str) -> None:
    assert text_of(b"gr\xfcn", f"text/plain; charset={charset}") == "grün"


@pytest.mark.parametrize("charset", ["replacement", "hz-gb-2312", "iso-2022-kr", "x-user-defined"])
def test_a_label_that_stands_for_no_charset_is_read_as_utf_8(charset: str) -> None:
    assert text_of("grün".encode(), f"text/plain; charset={charset}") == "grün"


def test_a_byte_order_mark_selects_the_byte_order_and_is_removed() -> None:
    for label in ("utf-16", "utf-16le", "utf-16be"):
        assert text_of("\ufeffgrün".encode("utf-16-be"), f"text/plain; charset={label}") == "grün"
