"""YAML text to plain values with their positions: a bounded subset of YAML 1.2.

Anchors, aliases and tags are refused. Plain scalars follow the core schema, so that `yes`, `no` and dates are texts.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from ruamel.yaml import YAML, events
from ruamel.yaml.error import YAMLError

from shared.workflow.format.js_values import Json

MAX_BYTES: Final = 500_000
MAX_DEPTH: Final = 100
MAX_VALUES: Final = 60_000
"""Keys, texts, numbers, lists and mappings."""
_STRING_TAGS: Final = (None, "!", "tag:yaml.org,2002:str")
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,38})", re.ASCII)
"""Numbers with leading zeros are texts: most are codes."""
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)
_LONGEST_NUMBER: Final = 40
_NO_ALIASES: Final = 'Anchors and aliases are not supported. Quote a text that begins with "&" or "*"'
_QUOTE: Final = 'Quote a text that contains ": " or begins with a special character, or write it as a block after |'
_HINTS: Final = {
    "mapping values are not allowed": f"Check the indentation of the lines above. {_QUOTE}",
    "expected <block end>": f"Give the keys of a mapping the same indentation. {_QUOTE}",
    "could not find expected ':'": "Write a key, a colon and a space",
    "expected ',' or": "Close what begins here with } or ], and quote texts with these characters",
    "unknown escape character": "Within double quotes, write \\\\ for \\",
    "unexpected end of stream": "Close the quote that begins here",
    r"'\t' that cannot start any token": "Indent with spaces, not with tabs",
    "cannot start any token": "Quote a text that begins with this character",
}
"""Usual fix of each error of the parser."""

_OPEN: Final = (
    "while scanning a double-quoted",
    "while scanning a quoted",
    "while parsing a flow",
    "while scanning a simple key",
)
"""Parts that the parser reads on after a mistake in them: it is where they begin."""

Path: TypeAlias = tuple[str | int, ...]


class Mark(NamedTuple):
    """A position in a file, from 1."""

    line: int
    column: int


class YamlError(Exception):
    """The text is not YAML of this subset."""

    def __init__(self, message: str, mark: Mark | None) -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark


@dataclass(slots=True)
class Document:
    """Value of a file, and where its parts are."""

    value: Json
    marks: dict[Path, Mark] = field(default_factory=dict)
    """Position of each key and of each entry of a list."""
    spans: list[tuple[Mark, Mark]] = field(default_factory=list)
    """Begin and end of each scalar, in which no comment is."""

    def mark(self, path: Path) -> Mark | None:
        """Return the position of a part, or of the innermost one around it that has one."""
        return next((self.marks[path[:size]] for size in range(len(path), 0, -1) if path[:size] in self.marks), None)


def read_yaml(text: str) -> Document:
    """Parse one YAML document. Raises YamlError."""
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise YamlError(f"The file is larger than {MAX_BYTES:,} bytes", None)
    builder = _Builder()
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.add(event)
    except YAMLError as error:
        problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).split("\n")[0]
        context = str(getattr(error, "context", None) or "")
        is_open = context.startswith(_OPEN)
        mark = (is_open and getattr(error, "context_mark", None)) or getattr(error, "problem_mark", None)
        hint = next((f". {hint}" for words, hint in _HINTS.items() if words in problem), "")
        raise YamlError(f"Invalid YAML: {problem}{hint}", _mark(mark) if mark else _character(text, error)) from error
    except RecursionError as error:
        raise YamlError(f"Values are nested more than {MAX_DEPTH} levels deep", None) from error
    return builder.document


def scalar(text: str) -> Json:
    """Return the value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if len(text) <= _LONGEST_NUMBER and _FLOAT.fullmatch(text) else text


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read."""

    value: "list[Json] | dict[str, Json]"
    path: Path
    key: str | None = None


class _Builder:
    """Builds values from parser events, without recursion."""

    def __init__(self) -> None:
        self.document = Document(None)
        self._open: list[_Open] = []
        self._documents = 0
        self._values = 0

    def add(self, event: Any) -> None:
        mark = _mark(event.start_mark)
        match event:
            case events.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise YamlError("A file has one workflow: remove the second document", mark)
            case events.MappingEndEvent() | events.SequenceEndEvent():
                self._open.pop()
            case events.NodeEvent():
                self._values += 1
                if self._values > MAX_VALUES:
                    raise YamlError(f"The file has more than {MAX_VALUES:,} values", mark)
                self._node(event, mark)

    def _node(self, event: Any, mark: Mark) -> None:
        if event.anchor is not None:
            raise YamlError(_NO_ALIASES, mark)
        is_text = isinstance(event, events.ScalarEvent)
        tag = str(event.tag) if event.tag is not None else None
        if tag not in (_STRING_TAGS if is_text else (None,)):
            raise YamlError(f'The tag {tag} is not supported. Quote a text that begins with "!"', mark)
        around = self._open[-1] if self._open else None
        is_key = around is not None and isinstance(around.value, dict) and around.key is None
        if is_text:
            self.document.spans.append((mark, _mark(event.end_mark)))
            if around is not None and is_key:
                self._key(around, event.value, mark)
            else:
                self._put(event.value if event.style or tag is not None else scalar(event.value), mark)
            return
        if is_key:
            raise YamlError("A key must be a text. Quote a value that begins with { or [", mark)
        if len(self._open) >= MAX_DEPTH:
            raise YamlError(f"Values are nested more than {MAX_DEPTH} levels deep", mark)
        value: list[Json] | dict[str, Json] = {} if isinstance(event, events.MappingStartEvent) else []
        self._open.append(_Open(value, self._put(value, mark)))

    def _key(self, around: _Open, key: str, mark: Mark) -> None:
        path = (*around.path, key)
        if path in self.document.marks:
            raise YamlError(f'"{key}" is written twice. Remove or rename one', mark)
        around.key = key
        self.document.marks[path] = mark

    def _put(self, value: Json, mark: Mark) -> Path:
        """Add a value to the innermost open list or mapping, and return its path."""
        if not self._open:
            self.document.value = value
            return ()
        around = self._open[-1]
        if isinstance(around.value, list):
            path: Path = (*around.path, len(around.value))
            around.value.append(value)
            self.document.marks[path] = mark
            return path
        key = around.key or ""
        around.value[key], around.key = value, None
        return (*around.path, key)


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


def _character(text: str, error: YAMLError) -> Mark | None:
    """Return where the character is that YAML refuses."""
    position = getattr(error, "position", None)
    if position is None:
        return None
    return Mark(text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position))
