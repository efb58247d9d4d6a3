"""Canonical form of workflow files: order of keys, style and spacing. Comments stay."""

import re
from collections.abc import Iterable
from typing import Final

from shared.errors import InvalidWorkflow
from shared.workflow.catalog import Catalog, installed_catalog
from shared.workflow.files.names import BLOCK_KEYS, FLAGS, TOP_KEYS, TYPE_ALIASES
from shared.workflow.files.yaml_text import Document, Mark, Path, YamlError, read_yaml
from shared.workflow.files.yaml_writer import write_yaml
from shared.workflow.format.js_values import JsonObject, object_of, to_string

_FIRST_KEYS: Final = ("type", "name", "id", "enabled", *FLAGS, "inputs")
_LAST_KEYS: Final = ("branches", "start", "next", "on_error", "retry", "settings", "blockData", "layout", "blocks")
_BLOCK_HEADER: Final = re.compile(r"[|>][-+0-9]{0,2}[ \t]+(?P<comment>#.*)")


def format_file(text: str, *, catalog: Catalog | None = None) -> str:
    """Return a file in canonical form. Raises InvalidWorkflow if it is not YAML, or no mapping."""
    try:
        document = read_yaml(text)
    except YamlError as error:
        where = f"line {error.mark.line}: " if error.mark else ""
        raise InvalidWorkflow(f"{where}{error.message}", details=[f"{where}{error.message}"]) from error
    value = document.value
    if not isinstance(value, dict):
        raise InvalidWorkflow("The file is no mapping")
    head, comments = _comments(text, document)
    known = catalog or installed_catalog()
    content = _ordered(value, (), TOP_KEYS)
    if isinstance(content.get("blocks"), dict):
        content["blocks"] = _blocks(object_of(content["blocks"]), known)
    return write_yaml(content, comments, head=head)


def _blocks(blocks: JsonObject, catalog: Catalog) -> JsonObject:
    return {key: _block(block, catalog) if isinstance(block, dict) else block for key, block in blocks.items()}


def _block(block: JsonObject, catalog: Catalog) -> JsonObject:
    kind = to_string(block.get("type") or "")
    spec = catalog.spec(TYPE_ALIASES.get(kind, kind))
    settings = [setting.id for setting in spec.sub_blocks if setting.id not in BLOCK_KEYS] if spec else []
    ordered = _ordered(block, (*_FIRST_KEYS, *settings), _LAST_KEYS)
    if isinstance(block.get("blocks"), dict):
        ordered["blocks"] = _blocks(object_of(block["blocks"]), catalog)
    return ordered


def _ordered(value: JsonObject, first: Iterable[str], last: Iterable[str]) -> JsonObject:
    """Return a mapping with these keys first and last, the others in between as they are."""
    ends = {key: value[key] for key in last if key in value}
    begin = {key: value[key] for key in first if key in value and key not in ends}
    return {**begin, **{key: item for key, item in value.items() if key not in begin and key not in ends}, **ends}


def _comments(text: str, document: Document) -> tuple[list[str], dict[Path, tuple[list[str], str]]]:
    """Return the comments at the top, and those of each part."""
    marks = sorted((mark, path) for path, mark in document.marks.items())
    first = marks[0][0] if marks else Mark(1 << 30, 1)
    head: list[str] = []
    found: dict[Path, tuple[list[str], str]] = {}
    for mark, comment, is_whole_line in _found(text, document.spans):
        if is_whole_line and mark < first:
            head.append(comment)
            continue
        path = _next(marks, mark) if is_whole_line else _of_line(marks, mark)
        before, after = found.get(path, ([], ""))
        if is_whole_line:
            before.append(comment)
        else:
            after = f"{after} {comment}".strip()
        found[path] = (before, after)
    return head, found


def _found(text: str, spans: list[tuple[Mark, Mark]]) -> Iterable[tuple[Mark, str, bool]]:
    """Yield each comment with its position, and whether it has its line for itself."""
    position = 0
    ordered = sorted(spans)
    for number, line in enumerate(text.splitlines(), 1):
        while position < len(ordered) and ordered[position][1] <= (number, 1):
            position += 1
        column = 0
        while (column := line.find("#", column)) != -1:
            mark = Mark(number, column + 1)
            around = _span_at(ordered, position, mark)
            if around is not None:
                header = _BLOCK_HEADER.match(line, around[0].column - 1) if around[0].line == number else None
                if header:
                    yield mark, header["comment"], False
                    break
                column = around[1].column - 1 if around[1].line == number else len(line)
                column = max(column, mark.column)
            elif column == 0 or line[column - 1] in " \t":
                yield mark, line[column:].rstrip(), not line[:column].strip()
                break
            else:
                column += 1


def _span_at(spans: list[tuple[Mark, Mark]], position: int, mark: Mark) -> tuple[Mark, Mark] | None:
    while position < len(spans) and spans[position][0] <= mark:
        if mark < spans[position][1]:
            return spans[position]
        position += 1
    return None


def _next(marks: list[tuple[Mark, Path]], mark: Mark) -> Path:
    return next((path for each, path in marks if each > mark), ())


def _of_line(marks: list[tuple[Mark, Path]], mark: Mark) -> Path:
    on_line = [path for each, path in marks if each.line == mark.line and each < mark]
    keys = [path for path in on_line if isinstance(path[-1], str)]
    before = [path for each, path in marks if each < mark]
    return (keys or on_line or before[-1:] or [()])[0]
