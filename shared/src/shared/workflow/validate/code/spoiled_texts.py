"""Texts that the JSON of a reference certainly spoils, with its own quotes: the path of a URL, a greeting, a name.

Most other texts with such quotes may be as their author intends: JSON, logs, queries, and sentences that quote a text.
"""

import re
from typing import Final

_BEFORE: Final = 300
"""Characters before a reference that are read."""
_LONGEST_CODE: Final = 5_000
"""Longer code is not searched: each use of a name takes time."""
_OTHER: Final = re.compile(
    r"\bJSON\b|\bloads\b|\bast\b|\beval\b|\bexec\b|\bconsole\b|\bprint\b|\blog|\bre\.|replace|slice|strip|substr|split"
    r"|match|RegExp|%22|\[1:|\\[\"']|'\"'|\"'\"|filter|reduce|translate|quot"
    r"|charCode|CharCode|codePoint|CodePoint|\bchr\b|x22|u0022|\.test\(|\bcsv\b|\[\.\.\."
    r"|\bfor[ (]+(?:(?:const|let|var) +)?\w+ +(?:of|in)\b"
)
"""Code that may remove quotes, wants JSON or writes to the log."""
_GREETING: Final = r"\b(?:Hello|Hi|Hey|Dear|Welcome|Good (?:morning|afternoon|evening)),? "
_PATH: Final = r"\bhttps?://(?:[^\"'`\s?#<>{}=&]|<[\w.]{1,60}>){1,200}/"
"""A URL up to a part of its path: a query may need JSON."""
_ENCODED: Final = r"(?:[\"'] ?\+ ?|\$?\{)encodeURIComponent\("
_OPENED: Final = re.compile(rf"(?:[\"'`]{_GREETING}|(?P<path>[\"'`]{_PATH}|{_PATH}{_ENCODED}[\"']))$")
_PATH_END: Final = re.compile(r"[\"'`/?#]")
_TEXTS: Final = "(?:first|last|full|user)?[nN]ame|e?mail|emailAddress|phone|city|country"
"""Keys and names of values that are no JSON."""
_ENTRY: Final = re.compile(rf"\breturn \{{(?:[^{{}}]{{0,200}},)?\s*[\"']?(?:{_TEXTS})[\"']?: ?[\"']$")
_NAMED: Final = re.compile(r"^[ \t]*+(?:(?:const|let|var) +)?(?P<name>[A-Za-z_]\w{0,40}) *= *[\"']$", re.MULTILINE)
_CASE: Final = r"\.(?:toUpperCase|toLowerCase|upper|lower|title|capitalize)\(\)[ \t]*(?:;|\n|$)"
"""Methods whose whole result the code uses: searching in JSON is possible."""
_ADDED: Final = rf"(?:{_GREETING}|{_PATH})(?:[\"'] ?\+ ?|\$?\{{)(?:encodeURIComponent\()?"


def is_spoiled(source: str, start: int, end: int) -> bool:
    """Return whether the JSON of a text in place of `source[start:end]`, which is in quotes, spoils the text around it.

    A name counts if the code uses it in such texts only.
    """
    if len(source) > _LONGEST_CODE or _OTHER.search(source):
        return False
    before, first, after = source[max(0, start - _BEFORE) : start], source[start - 1 : start], source[end : end + 1]
    if opened := _OPENED.search(before):
        return opened["path"] is None or _PATH_END.match(after) is not None
    if first not in ("'", '"') or after != first:
        return False
    named = _NAMED.search(before)
    return _ENTRY.search(before) is not None or (
        named is not None and source[end + 1 : end + 2] in (";", "\n", "") and _spoils_all(source, named["name"])
    )


def _spoils_all(source: str, name: str) -> bool:
    """Return whether the code uses a name, and only in texts that quotes spoil."""
    uses = len(re.findall(rf"\b{name}\b", source)) - 1
    return 0 < uses == len(re.findall(rf"\breturn {name}{_CASE}|{_ADDED}{name}\b", source))
