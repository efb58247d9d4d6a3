"""Decode a body in its declared charset, by the labels of the WHATWG Encoding standard."""

import codecs
from functools import cache
from typing import Final

from webencodings import lookup

_SEVERAL_BYTES: Final = frozenset({"big5", "euc-jp", "euc-kr", "gb18030", "gbk", "iso-2022-jp", "shift_jis"})
_UTF_16: Final = frozenset({"utf-16be", "utf-16le"})
_NOT_A_CHARSET: Final = frozenset({"replacement", "utf-8", "x-user-defined"})
"""Names that the standard defines and this module reads as UTF-8."""


def text_of(body: bytes, content_type: str) -> str:
    """Return `body` as text, with U+FFFD for invalid bytes; UTF-8 if the type names no known charset.

    Python's other codecs are never used: some take quadratic time, some raise in spite of `replace`.
    """
    _, _, charset = content_type.lower().partition("charset=")
    encoding = lookup(charset.split(";")[0].strip(" \t\"'"))
    if encoding is None or encoding.name in _NOT_A_CHARSET:
        return body.decode("utf-8", "replace")
    if encoding.name in _SEVERAL_BYTES:
        return body.decode("gb18030" if encoding.name == "gbk" else encoding.codec_info.name, "replace")
    if encoding.name not in _UTF_16:
        return codecs.charmap_decode(body, "strict", _characters(encoding.codec_info.name))[0]
    has_mark = body.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE))
    try:
        return body.decode("utf-16" if has_mark else encoding.codec_info.name)
    except UnicodeDecodeError:  # each replacement would cost a microsecond, and there may be millions
        return body.decode("utf-8", "replace")


@cache
def _characters(codec: str) -> str:
    """Return the character of each byte. A table has no errors, which are slow to handle one by one."""
    return bytes(range(256)).decode(codec, "replace")
