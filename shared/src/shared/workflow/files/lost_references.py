"""References that YAML does not read as part of a text: after ` #`, and after a comma within braces."""

import re
from collections.abc import Iterator
from typing import Final

from shared.workflow.files.file_blocks import FileBlocks
from shared.workflow.files.yaml_reader import Document, Mark, Path
from shared.workflow.format.js_values import Json
from shared.workflow.format.references import parse_text

_COMMENT: Final = re.compile(r"[ \t]+#(?P<text><.*)")
"""Comment without a space at its start, unlike those that authors write deliberately."""
_NUMBER: Final = re.compile(r" # (?P<text><[^<>]{1,200}>)[.,;!?]?\s*$")
"""A comment that is only a reference: one with words may explain the value."""
_NUMBERED: Final = re.compile(
    r"[a-z] (?:order|ticket|issue|invoice|case|request|customer|item|number|no|nr|id)$", re.IGNORECASE
)
"""End of several words after which a text, not a comment, has `# <start.id>`."""
_LINE_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Line breaks of YAML."""
_NEAR: Final = 40
"""Characters before a comment that may have the word."""
_NOT_PLAIN: Final = ('"', "'", "|", ">")
_NAMES: Final = frozenset({"description", "model", "name", "next", "on_error", "type"})
"""Keys whose values hold no references: a reference after `#` is a comment there."""


def lost_references(text: str, document: Document, blocks: FileBlocks) -> Iterator[tuple[Path, str]]:
    """Yield where a text with a reference to a block is cut off, and why."""
    lines = _LINE_BREAK.split(text)
    for start, end in document.spans:
        if max(start.line, end.line) > len(lines):
            break
        line = lines[end.line - 1]
        match = _COMMENT.match(line, end.column - 1)
        if match is None and _NUMBERED.search(line[max(0, end.column - 1 - _NEAR) : end.column - 1]):
            match = _NUMBER.match(line, end.column - 1)
        is_plain = not lines[start.line - 1].startswith(_NOT_PLAIN, start.column - 1)
        if match and is_plain and start != end and _is_reference(match["text"], blocks):
            path = _path_at(start, document)
            if isinstance(_at(document.value, path), str) and path[-1] not in _NAMES:
                yield path, '" #" begins a comment, so the text ends before it. Quote the text'
    for path, mark in document.marks.items():
        key = path[-1]
        is_code = path[-2:-1] == ("code",)  # which is no object: another check reports it
        is_lost = isinstance(key, str) and "<" in key and not is_code and _at(document.value, path) is None
        if is_lost and "{" in lines[mark.line - 1][: mark.column - 1] and _is_reference(str(key), blocks):
            yield path, f'"{key}" is a key without a value, because a comma ends a text within braces. Quote the text'


def _is_reference(text: str, blocks: FileBlocks) -> bool:
    return any(each.path and blocks.find(each.root) for each in parse_text(text).references)


def _path_at(start: Mark, document: Document) -> Path:
    """Return the path of the last key or item on the line of a value."""
    before = ((mark, path) for path, mark in document.marks.items() if mark.line == start.line and mark <= start)
    return max(before, default=(start, ()))[1]


def _at(value: Json, path: Path) -> Json:
    for key in path:
        if isinstance(value, dict):
            value = value.get(str(key))
        elif isinstance(value, list) and isinstance(key, int):
            value = value[key] if key < len(value) else None
    return value
