"""Plain values to YAML text in one canonical style."""

import json
import re
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString, SingleQuotedScalarString

from shared.workflow.files.yaml_text import Path, read_yaml, scalar
from shared.workflow.format.js_values import Json, JsonObject

_WIDTH: Final = 100
"""Lists and mappings without texts of several lines are written on one line up to this width."""
_CONTROLS: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff"
"""Characters that files contain only as escapes."""
_PLAIN: Final = re.compile(rf"[^\s\-?:,\[\]{{}}#&*!|>'\"%@`{_CONTROLS}](?:[^{_CONTROLS}#:]|:(?! |$)|(?<! )#)*")
_YAML_1_1: Final = frozenset({"yes", "no", "on", "off", "y", "n"})
"""Texts here, but booleans for parsers of YAML 1.1."""
_FLOW_MARKS: Final = re.compile(r"[,\[\]{}]")
_NO_BLOCK: Final = re.compile(rf"[ \t]+(?:\n|$)|(?!\n)[{_CONTROLS}]|\A[ \n\t]|\n\n\Z")
"""What literal blocks cannot hold, or editors strip from them."""
_BETWEEN_BLOCKS: Final = re.compile(r"(?<!\Ablocks:)\n(?=  [^ ])")

Comments = Mapping[Path, "tuple[list[str], str]"]
"""Full-line comments before a part, and the comment at the end of its line."""


class _Representer(RoundTripRepresenter):
    """Writes null as a word."""

    def represent_none(self, data: None) -> Any:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(type(None), _Representer.represent_none)


def write_yaml(value: JsonObject, comments: Comments | None = None, *, head: Sequence[str] = ()) -> str:
    """Return YAML text, with an empty line before each entry of `blocks`.

    `head` are the comments at the top.
    """
    text = ""
    for key, item in value.items():
        part = _dump({key: item})
        if key == "blocks" and isinstance(item, dict):
            part = _BETWEEN_BLOCKS.sub("\n\n", part)
        is_apart = text and (key == "blocks" or isinstance(item, dict | list))
        text += f"\n{part}" if is_apart else part
    return "".join(f"{line}\n" for line in (*head, *_with_comments(text, comments or {})))


def _with_comments(text: str, comments: Comments) -> list[str]:
    lines = text.removesuffix("\n").split("\n")
    marks = read_yaml(text).marks if comments else {}
    last = comments.get((), ([], ""))[0]
    for path in sorted(comments.keys() & marks.keys(), key=lambda each: marks[each], reverse=True):
        before, after = comments[path]
        number = marks[path].line - 1
        indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
        line = f"{lines[number]}  {after}" if after else lines[number]
        lines[number : number + 1] = [*(f"{indent}{comment}" for comment in before), line]
    return [*lines, *last]


def _dump(value: JsonObject) -> str:
    yaml = YAML()
    yaml.Representer = _Representer
    yaml.width = 1 << 30
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = StringIO()
    yaml.dump(_node(value, 0, 0), text)
    return text.getvalue()


def _node(value: Json, indent: int, column: int, *, in_flow: bool = False, in_list: bool = False) -> Any:
    """Return a value as the emitter writes it in this style.

    `indent` is the indentation of its entries in block style, `column` is where it begins in flow style.
    """
    if isinstance(value, str):
        return _text(value, in_flow=in_flow)
    if not isinstance(value, list | dict):
        return value
    node: Any = CommentedMap() if isinstance(value, dict) else CommentedSeq()
    items = value.values() if isinstance(value, dict) else value
    is_flat = not any(item and (isinstance(item, list | dict) or "\n" in str(item)) for item in items)
    size = len(json.dumps(value, ensure_ascii=False).replace('"', "")) if is_flat else 0
    fits = is_flat and column > 0 and column + size <= _WIDTH
    in_flow = in_flow or (fits and not (in_list and isinstance(value, dict)))
    if in_flow:
        node.fa.set_flow_style()
    if isinstance(value, dict):
        for key, item in value.items():
            node[_text(key, in_flow=in_flow)] = _node(item, indent + 2, indent + len(key) + 2, in_flow=in_flow)
    else:
        node.extend(_node(item, indent + 2, indent + 2, in_flow=in_flow, in_list=True) for item in value)
    return node


def _text(text: str, *, in_flow: bool) -> Any:
    if "\n" in text and not in_flow and not _NO_BLOCK.search(text):
        return LiteralScalarString(text)
    is_plain = _PLAIN.fullmatch(text) and text == text.strip() and isinstance(scalar(text), str)
    is_plain = is_plain and text.lower() not in _YAML_1_1 and not text.startswith(("---", "..."))
    if is_plain and not (in_flow and _FLOW_MARKS.search(text)):
        return text
    is_single = '"' in text and text.isprintable()
    return SingleQuotedScalarString(text) if is_single else DoubleQuotedScalarString(text)
