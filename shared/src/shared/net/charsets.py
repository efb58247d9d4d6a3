"""The text of a body in the charset that its sender names, where that is one in which texts are written."""

import codecs
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

_WIDE: Final[Mapping[str, str]] = {
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "cp932": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "cp949": "cseuckr euc-kr ks_c_5601-1987 ksc5601 korean windows-949",
    "euc_jp": "cseucpkdfmtjapanese euc-jp x-euc-jp",
    "gb18030": "chinese csgb2312 gb18030 gb2312 gb_2312-80 gbk x-gbk",
    "iso2022_jp": "csiso2022jp iso-2022-jp",
}
_UTF_16: Final[Mapping[str, str]] = {
    "utf-16": "utf-16 unicode ucs-2 iso-10646-ucs-2 csunicode",
    "utf-16-be": "utf-16be unicodefffe",
    "utf-16-le": "utf-16le unicodefeff",
}
_NARROW: Final[Mapping[str, str]] = {
    "cp866": "866 cp866 csibm866 ibm866",
    "cp874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "koi8_r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8_u": "koi8-ru koi8-u",
    "mac_cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "mac_roman": "csmacintosh mac macintosh x-mac-roman",
    "cp1252": "ansi_x3.4-1968 ascii us-ascii cp819 ibm819 l1 latin1 iso-8859-1 iso8859-1 iso88591 iso_8859-1",
    "cp1254": "l5 latin5 iso-8859-9 iso8859-9 iso88599 iso_8859-9",
    "iso8859_2": "l2 latin2",
    "iso8859_3": "l3 latin3",
    "iso8859_4": "l4 latin4",
    "iso8859_5": "cyrillic",
    "iso8859_6": "arabic ecma-114 iso-8859-6-e iso-8859-6-i",
    "iso8859_7": "greek greek8 ecma-118",
    "iso8859_8": "hebrew logical visual iso-8859-8-e iso-8859-8-i",
    "iso8859_10": "l6 latin6",
    "iso8859_15": "l9",
}
"""One byte a character. As in browsers, US-ASCII and ISO-8859-1 are read as the code page that holds them."""
_ISO_8859: Final = (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)
_CODE_PAGES: Final = range(1250, 1259)


def text_of(body: bytes, content_type: str) -> str:
    """`body` as text, of whole characters only; UTF-8 where the type names no charset, or none of these.

    Never one of Python's other codecs: some take quadratic time, some raise whatever they are told to replace.
    """
    _, _, charset = content_type.lower().partition("charset=")
    label = charset.split(";")[0].strip(" \t\"'")
    if (codec := _WIDE_BY_LABEL.get(label)) is not None:
        return body.decode(codec, "replace")
    if (codec := _NARROW_BY_LABEL.get(label)) is not None:
        return codecs.charmap_decode(body, "strict", _characters(codec))[0]
    if (codec := _UTF_16_BY_LABEL.get(label)) is not None:
        try:
            return body.decode(codec)
        except UnicodeDecodeError:  # each replacement would cost a microsecond, and there may be millions
            pass
    return body.decode("utf-8", "replace")


@cache
def _characters(codec: str) -> str:
    """What each byte stands for. A table has no errors: to handle those one by one is slow."""
    return bytes(range(256)).decode(codec, "replace")


def _numbered() -> Iterator[tuple[str, str]]:
    for part in _ISO_8859:
        for label in (f"iso-8859-{part}", f"iso8859-{part}", f"iso8859{part}", f"iso_8859-{part}"):
            yield label, f"iso8859_{part}"
    for page in _CODE_PAGES:
        for label in (f"windows-{page}", f"cp{page}", f"x-cp{page}"):
            yield label, f"cp{page}"


def _by_label(labels: Mapping[str, str]) -> Mapping[str, str]:
    return {label: codec for codec, known in labels.items() for label in known.split()}


_WIDE_BY_LABEL: Final = _by_label(_WIDE)
_UTF_16_BY_LABEL: Final = _by_label(_UTF_16)
_NARROW_BY_LABEL: Final[Mapping[str, str]] = {**dict(_numbered()), **_by_label(_NARROW)}
