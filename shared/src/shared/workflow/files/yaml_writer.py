"""Plain values to YAML text in one canonical style."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from shared.workflow.files.yaml_reader import Path, scalar
from shared.workflow.format.js_values import Json, JsonObject

_WIDTH: Final = 100
"""Lists and mappings without texts of several lines are written on one line up to this width."""
_INDENT: Final = "  "
_CONTROLS: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff"
"""Characters that files contain only as escapes."""
_PLAIN: Final = re.compile(rf"[^\s\-?:,\[\]{{}}#&*!|>'\"%@`{_CONTROLS}](?:[^{_CONTROLS}#:]|:(?! |$)|(?<! )#)*")
_YAML_1_1: Final = frozenset({"yes", "no", "on", "off", "y", "n"})
"""Texts here, but booleans for parsers of YAML 1.1."""
_FLOW_MARKS: Final = re.compile(r"[,\[\]{}]")
_NO_BLOCK: Final = re.compile(rf"[ \t]+(?:\n|$)|(?!\n)[{_CONTROLS}]")
"""What literal blocks cannot hold, or editors strip from them."""

Comments = Mapping[Path, "tuple[list[str], str]"]
"""Full-line comments before a part, and the comment at the end of its line."""
_NO_COMMENTS: Final[Comments] = {}
_NO_COMMENT: Final[tuple[list[str], str]] = ([], "")


def write_yaml(value: JsonObject, comments: Comments = _NO_COMMENTS, *, head: Sequence[str] = ()) -> str:
    """Return YAML text, with an empty line before each entry of `blocks`.

    `head` are the comments at the top.
    """
    lines: list[str] = list(head)
    for key, item in value.items():
        if len(lines) > len(head) and (key == "blocks" or isinstance(item, dict | list)):
            lines.append("")
        lines.extend(_entry(key, item, (key,), "", comments))
        if key == "blocks" and isinstance(item, dict):
            lines = _with_gaps(lines)
    lines.extend(comments.get((), _NO_COMMENT)[0])
    return "\n".join(lines) + "\n"


def _with_gaps(lines: list[str]) -> list[str]:
    """Put an empty line before each entry of the last mapping, but the first."""
    start = max(index for index, line in enumerate(lines) if line and not line[0].isspace() and line[0] != "#")
    head, entries = lines[: start + 1], lines[start + 1 :]
    spaced: list[str] = []
    for line in entries:
        is_entry = line.startswith(_INDENT) and line[2:3] not in (" ", "#", "")
        if is_entry and spaced:
            comments = 0
            while comments < len(spaced) and spaced[-1 - comments].startswith(f"{_INDENT}#"):
                comments += 1
            spaced.insert(len(spaced) - comments, "")
        spaced.append(line)
    while spaced and not spaced[0]:
        spaced.pop(0)
    return head + spaced


def _entry(key: str, value: Json, path: Path, indent: str, comments: Comments) -> Iterator[str]:
    yield from (f"{indent}{comment}" for comment in comments.get(path, _NO_COMMENT)[0])
    yield from _value(f"{indent}{key_text(key)}:", value, path, indent, comments)


def _value(head: str, value: Json, path: Path, indent: str, comments: Comments) -> Iterator[str]:
    after = comments.get(path, _NO_COMMENT)[1]
    after = f"  {after}" if after else ""
    if isinstance(value, str) and (block := _block(value, indent)):
        yield f"{head} {block[0]}{after}"
        yield from block[1]
        return
    if not isinstance(value, list | dict):
        yield f"{head} {scalar_text(value)}{after}".rstrip() if value is not None else f"{head} null{after}"
        return
    one_line = _one_line(value)
    has_comments = any(each[: len(path)] == path and each != path for each in comments)
    if one_line is not None and not has_comments and len(head) + 1 + len(one_line) <= _WIDTH:
        yield f"{head} {one_line}{after}"
        return
    yield f"{head}{after}"
    inner = indent + _INDENT
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _entry(key, item, (*path, key), inner, comments)
        return
    for index, item in enumerate(value):
        yield from _item(item, (*path, index), inner, comments)


def _item(value: Json, path: Path, indent: str, comments: Comments) -> Iterator[str]:
    yield from (f"{indent}{comment}" for comment in comments.get(path, _NO_COMMENT)[0])
    if isinstance(value, dict) and value:
        first = True
        for key, item in value.items():
            for line in _entry(key, item, (*path, key), indent + _INDENT, comments):
                is_comment = line.lstrip().startswith("#")
                yield f"{indent}- {line[len(indent) + 2 :]}" if first and not is_comment else line
                first = first and is_comment
        return
    yield from _value(f"{indent}-", value, path, indent, comments)


def _one_line(value: Json) -> str | None:
    """Return a short list or mapping in flow style; None if it must be written on several lines."""
    if isinstance(value, dict):
        items = [(key_text(key, in_flow=True), _one_line(item)) for key, item in value.items()]
        if any(text is None for _, text in items):
            return None
        is_flat = not any(isinstance(item, dict | list) and item for item in value.values())
        return "{" + ", ".join(f"{key}: {text}" for key, text in items) + "}" if is_flat else None
    if isinstance(value, list):
        texts = [_one_line(item) for item in value]
        if any(text is None for text in texts) or any(isinstance(item, dict | list) and item for item in value):
            return None
        return "[" + ", ".join(text for text in texts if text is not None) + "]"
    if isinstance(value, str) and "\n" in value:
        return None
    return scalar_text(value, in_flow=True)


def key_text(key: str, *, in_flow: bool = False) -> str:
    """Return a mapping's key."""
    return (
        key if _is_plain(key, in_flow=in_flow) or (key and key == key.strip() and scalar(key) is None) else _quoted(key)
    )


def scalar_text(value: Json, *, in_flow: bool = False) -> str:
    """Return a scalar on one line, or an empty list or mapping."""
    if isinstance(value, str):
        return value if _is_plain(value, in_flow=in_flow) else _quoted(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{value:.1f}"
    return json.dumps(value)


def _is_plain(text: str, *, in_flow: bool) -> bool:
    if (
        text != text.strip()
        or text.lower() in _YAML_1_1
        or not isinstance(scalar(text), str)
        or not _PLAIN.fullmatch(text)
    ):
        return False
    return not (in_flow and _FLOW_MARKS.search(text)) and not text.startswith(("---", "..."))


def _quoted(text: str) -> str:
    if '"' in text and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    escaped = json.dumps(text, ensure_ascii=False)
    return re.sub(f"[{_CONTROLS}]", lambda match: f"\\u{ord(match[0]):04x}", escaped)


def _block(text: str, indent: str) -> tuple[str, list[str]] | None:
    """Return a text of several lines as literal block: its header and lines."""
    if "\n" not in text or _NO_BLOCK.search(text) or text.startswith((" ", "\n", "\t")) or text.endswith("\n\n"):
        return None
    header = "|" if text.endswith("\n") else "|-"
    body = text.removesuffix("\n").split("\n")
    return header, [f"{indent}{_INDENT}{line}" if line else "" for line in body]
