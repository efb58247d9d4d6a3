"""YAML text to plain values with their positions: a bounded subset of YAML 1.2.

Anchors, aliases and tags are refused. Plain scalars follow the core schema, so that `yes`, `no` and dates are texts.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

import yaml

from shared.workflow.files.indentation import key_of_text, misaligned_key, outdented_key, unspaced_key
from shared.workflow.format.js_values import Json

MAX_BYTES: Final = 500_000
MAX_DEPTH: Final = 100
MAX_VALUES: Final = 60_000
"""Keys, texts, numbers, lists and mappings."""
_STRING_TAGS: Final = (None, "!", "tag:yaml.org,2002:str")
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,38})", re.ASCII)
"""Numbers with leading zeros are texts: most are codes."""
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)
_LONGEST_NUMBER: Final = 40
_NO_ALIASES: Final = 'Anchors and aliases are not supported. Quote a text that begins with "&" or "*"'

_UNCLOSED: Final = (
    "while scanning a simple key",
    "while parsing a quoted scalar",
    "while scanning a quoted scalar",
    "while parsing a flow",
)
"""Parts that the parser reads on after a mistake in them."""
_CONTROL: Final = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that YAML refuses."""

Path: TypeAlias = tuple[str | int, ...]


class Mark(NamedTuple):
    """A position in a file, from 1."""

    line: int
    column: int


_VALUE: Final = re.compile(r" *(?:- +)?[^\s:#][^:#]*: +[^\s|>]")
"""A key, and the text that begins in its line."""
_TABS: Final = ". Indent with spaces, not with tabs"
_HINTS: Final = {
    "mapping values are not allowed": ". Check the indentation, and the colon in the line above. "
    'Quote a text that contains ": ", or write it as a block after |',
    "could not find expected ':'": ". Write a key, a colon and a space",
    "did not find expected ',' or": ". Close what begins here with } or ], and quote texts with these characters",
    "unknown escape character": ". Close the quote that begins here; within double quotes, write \\\\ for \\",
    "unexpected end of stream": ". Close the quote that begins here; within double quotes, write \\\\ for \\",
    "unexpected document indicator": ". Close the quote that begins before this line",
    "expected key": ". Give the keys of a mapping the same indentation",
    "expected '-' indicator": ". Give the entries of a list the same indentation, each after a -",
    "tab character": _TABS,
    "control characters": ". Remove the character, or write an escape such as \\x07 within double quotes",
    "Unicode character escape": ". Write the character itself",
    "cannot start any token": ". Quote a text that begins with this character",
}
"""Usual fix of each error of the parser."""


_FLAT_BLOCK: Final = re.compile(
    r"^(?P<indent> *)[\w-]{1,40}: (?P<mark>[|>])[+-]?\n(?! *[\w-]{1,40}:(?: |$))(?! *(?:$|- ))(?!(?P=indent) )",
    re.MULTILINE,
)
"""A block of text that is not indented more than its key, and is no other key."""
_NO_TOKEN: Final = re.compile("\t|```")
"""A tab, or the begin or end of a block of code in Markdown."""
_QUOTE: Final = re.compile(r"[\"'\[]")
_NEAR: Final = 8
"""Lines up to a mistake, with those of the text."""


def _hint(problem: str, text: str, mark: Mark | None) -> str:
    """Return what usually causes an error of the parser."""
    lines = text.split("\n")
    line = lines[mark.line - 1] if mark and mark.line <= len(lines) else ""
    if "cannot start any token" in problem and mark and (match := _NO_TOKEN.match(line, mark.column - 1)):
        return _TABS if match[0] == "\t" else f". Remove the {match[0]} lines"
    if "expected key" in problem and mark is not None and (end := line[mark.column - 1 : mark.column]) in ("}", "]"):
        return f". Remove the {end}, which closes nothing"
    if mark and (match := _FLAT_BLOCK.search("\n".join(lines[max(0, mark.line - _NEAR) : mark.line]))):
        return f". Indent the text after {match['mark']} more than its key"
    before = line[: mark.column - 1].rstrip() if mark else ""
    if (
        (match := _QUOTE.search(before))
        and before[: match.start()].endswith((": ", "- "))
        and before.endswith(end := "]" if match[0] == "[" else match[0])
    ):
        cause = f"The text begins with {match[0]}, so YAML ends it at the next {end}"
        others = "double" if match[0] == "'" else "single"
        return f". {cause}. Put all of it in {others} quotes, or write it below the key, after |"
    if "mapping values are not allowed" in problem and mark is not None and _VALUE.match(line[: mark.column - 1]):
        return '. Quote a text that contains ": ", or write it as a block after |'
    return next((hint for words, hint in _HINTS.items() if words in problem), "")


class YamlError(Exception):
    """The text is not YAML of this subset."""

    def __init__(self, message: str, mark: Mark | None) -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark


@dataclass(slots=True)
class Document:
    """The value of a file, and where its parts are."""

    value: Json
    marks: dict[Path, Mark] = field(default_factory=dict)
    """Position of each mapping's key and each list's item."""
    spans: list[tuple[Mark, Mark]] = field(default_factory=list)
    """Start and end of each scalar."""
    duplicates: list[tuple[Path, Mark]] = field(default_factory=list)

    def mark(self, path: Path) -> Mark | None:
        """Return the position of the nearest part that has one."""
        while path:
            if found := self.marks.get(path):
                return found
            path = path[:-1]
        return None

    def path_of(self, path: Path, text: str) -> Path:
        """Return the path of the first value at or below `path`, a key, that contains a text; `path` if none does."""
        value = self.value
        for key in path:
            value = value.get(str(key)) if isinstance(value, dict) else None
        pending: list[tuple[Path, Json]] = [(path, value)]
        while pending:
            at, found = pending.pop()
            if isinstance(found, str) and text in found:
                return at
            if isinstance(found, dict):
                pending.extend(((*at, name), each) for name, each in reversed(found.items()))
            elif isinstance(found, list):
                pending.extend(((*at, number), each) for number, each in reversed([*enumerate(found)]))
        return path


def read_yaml(text: str) -> Document:
    """Parse one YAML document. Raises YamlError."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise YamlError("The file is not valid UTF-8", None) from None
    if size > MAX_BYTES:
        raise YamlError(f"The file is larger than {MAX_BYTES:,} bytes", None)
    try:
        return _Builder().build(text)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).split("\n")[0]
        at = _error_mark(error, text)
        if at and (unspaced := unspaced_key(text.split("\n")[: at.line])):
            message = f'Invalid YAML: write a space after "{unspaced[0]}:"'
            raise YamlError(message, Mark(*unspaced[1])) from error
        if at and (of_text := key_of_text(text.split("\n")[: at.line])):
            message = f'Invalid YAML: "{of_text[0]}" has a text of several lines. Write {of_text[0]}: | before it'
            raise YamlError(message, Mark(*of_text[1])) from error
        if at and (outdented := outdented_key(text.split("\n")[: at.line])):
            key, parent, mark = outdented
            raise YamlError(f'Invalid YAML: "{key}" belongs to "{parent}". Indent it more', Mark(*mark)) from error
        fix = misaligned_key(text.split("\n")[: at.line]) if at else None
        hint = f". {fix}" if fix else _hint(str(problem), text, at)
        raise YamlError(f"Invalid YAML: {problem}{hint}", at) from error


def _error_mark(error: yaml.YAMLError, text: str) -> Mark | None:
    """Return where the mistake is: where an unclosed part begins, rather than where the parser noticed."""
    if match := _CONTROL.search(text) if isinstance(error, yaml.reader.ReaderError) else None:
        line_start = text.rfind("\n", 0, match.start()) + 1
        return Mark(text.count("\n", 0, match.start()) + 1, match.start() - line_start + 1)
    begins = str(getattr(error, "context", None) or "").startswith(_UNCLOSED)
    mark = (begins and getattr(error, "context_mark", None)) or getattr(error, "problem_mark", None)
    return _mark(mark) if mark else None


def scalar(text: str) -> Json:
    """Return the value of a plain scalar."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if len(text) <= _LONGEST_NUMBER and _FLOAT.fullmatch(text):
        return float(text)
    return text


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read."""

    value: "list[Json] | dict[str, Json]"
    path: Path
    key: str | None = None


class _Builder:
    """Builds values from parser events, without recursion."""

    def __init__(self) -> None:
        self._document = Document(None)
        self._open: list[_Open] = []
        self._documents = 0
        self._values = 0

    def build(self, text: str) -> Document:
        for event in yaml.parse(text, Loader=_LOADER):
            mark = _mark(event.start_mark)
            self._values += isinstance(event, yaml.NodeEvent)
            if self._values > MAX_VALUES:
                raise YamlError(f"The file has more than {MAX_VALUES:,} values", mark)
            match event:
                case yaml.DocumentStartEvent():
                    self._documents += 1
                    if self._documents > 1:
                        raise YamlError("A file has one workflow: remove the second document", mark)
                case yaml.AliasEvent():
                    raise YamlError(_NO_ALIASES, mark)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._open.pop()
                case yaml.ScalarEvent():
                    self._document.spans.append((mark, _mark(event.end_mark)))
                    self._scalar(event, mark)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    self._start(event, mark)
        return self._document

    def _scalar(self, event: yaml.ScalarEvent, mark: Mark) -> None:
        self._refuse_tag(event, mark, allowed=_STRING_TAGS)
        around = self._open[-1] if self._open else None
        if around is not None and isinstance(around.value, dict) and around.key is None:
            around.key = event.value
            path = (*around.path, event.value)
            if event.value in around.value:
                self._document.duplicates.append((path, mark))
            self._document.marks[path] = mark
            return
        is_plain = not event.style and event.tag is None
        self._put(scalar(event.value) if is_plain else event.value, mark)

    def _start(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, mark: Mark) -> None:
        self._refuse_tag(event, mark, allowed=(None,))
        if len(self._open) >= MAX_DEPTH:
            raise YamlError(f"Values are nested more than {MAX_DEPTH} levels deep", mark)
        around = self._open[-1] if self._open else None
        if around is not None and isinstance(around.value, dict) and around.key is None:
            is_setting = around.path[:1] == ("blocks",)
            place = f"{_block(around.path)}: {around.path[-1]}: " if is_setting else ""
            raise YamlError(f"{place}A key must be a text. Quote a value that begins with {{ or [", mark)
        value: list[Json] | dict[str, Json] = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._put(value, mark)
        self._open.append(_Open(value, path))

    def _put(self, value: Json, mark: Mark) -> Path:
        """Add a value to the innermost open list or mapping, and return its path."""
        if not self._open:
            self._document.value = value
            return ()
        around = self._open[-1]
        if isinstance(around.value, list):
            path: Path = (*around.path, len(around.value))
            around.value.append(value)
            self._document.marks[path] = mark
            return path
        key = around.key or ""
        around.value[key], around.key = value, None
        return (*around.path, key)

    @staticmethod
    def _refuse_tag(event: yaml.NodeEvent, mark: Mark, *, allowed: tuple[str | None, ...]) -> None:
        if event.anchor is not None:
            raise YamlError(_NO_ALIASES, mark)
        tag = getattr(event, "tag", None)
        if tag not in allowed:
            raise YamlError(f'The tag {tag} is not supported. Quote a text that begins with "!"', mark)


_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _block(path: Path) -> str | int:
    """Return the name of the innermost block on a path."""
    at = len(path) - path[::-1].index("blocks")
    return path[min(at, len(path) - 1)]


def _mark(mark: Any) -> Mark:
    """Return a position of the parser, whose types differ between its two implementations."""
    return Mark(mark.line + 1, mark.column + 1)
