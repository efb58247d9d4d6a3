"""What commands print: tables for people, tab-separated rows for pipes, JSON for programs."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text


class Output:
    """Results go to standard output, in one of three forms; everything else that is said goes to standard error.

    What comes from people and servers is never read as rich's markup: names and errors may have brackets in them.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.console = Console()
        self.notes = Console(stderr=True)

    @property
    def progress(self) -> Console:
        """Where a command that goes on tells what it does: not where a program reads."""
        return self.notes if self.as_json else self.console

    def rows(self, columns: Sequence[str], items: Sequence[Mapping[str, Any]]) -> None:
        """One line for each item, with the given fields of it."""
        if self.as_json:
            self.json(items)
        elif self.console.is_terminal:
            self._table(
                [_title(column) for column in columns], [[_text(item.get(name)) for name in columns] for item in items]
            )
        else:
            for item in items:
                self.line("\t".join(_text(item.get(column)) for column in columns))

    def _table(self, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Nothing is cut off or broken: what does not fit into the window is wrapped by it, and ids can be copied."""
        widths = [max(map(cell_len, column)) for column in zip(titles, *rows, strict=True)]
        for cells, style in ((titles, "bold"), *((row, "") for row in rows)):
            padded = (set_cell_size(cell, width) for cell, width in zip(cells, widths, strict=True))
            say(self.console, "", label="  ".join(padded).rstrip(), style=style)

    def record(self, item: Mapping[str, Any], columns: Sequence[str] | None = None) -> None:
        """One thing, a field a line."""
        if self.as_json:
            self.json(item)
            return
        shown = {name: item.get(name) for name in columns or item}
        width = max(map(len, map(_title, shown)), default=0)
        for name, value in shown.items():
            self.line(f"{_title(name):<{width}}  {_text(value)}")

    def done(self, document: Mapping[str, Any], note: str) -> None:
        """Something is done that has no result: a sentence for people, a document for programs."""
        if self.as_json:
            self.json(document)
        else:
            self.note(note)

    def json(self, value: Any) -> None:
        """One JSON document."""
        document = msgspec.json.encode(value)
        self.line((msgspec.json.format(document, indent=2) if self.console.is_terminal else document).decode())

    def document(self, value: Any) -> None:
        """A result that may be of any form, for people too."""
        self.line(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())

    def line(self, text: str) -> None:
        """Text as it is: it is never wrapped, so that it can be copied."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def piece(self, text: str) -> None:
        """A part of a text that is still being written."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def note(self, text: str, *, label: str = "", style: str = "") -> None:
        """Something for the person who watches, `label` in colour before it; programs do not see it."""
        if not self.as_json:
            say(self.notes, text, label=label, style=style)


def say(console: Console, text: str, *, label: str = "", style: str = "") -> None:
    """A line as it is, with a coloured word before it."""
    console.print(Text.assemble((label, style), "  " if label and text else "", text), soft_wrap=True)


_CONTROLS: Final = {code: repr(chr(code))[1:-1] for code in (*range(0x20), *range(0x7F, 0xA0))}
"""Names and errors come from others: none of them moves the cursor, or makes two rows or fields of one."""


def _title(column: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in column).capitalize()


def _text(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case str():
            return value.translate(_CONTROLS)
        case list() if value and all(isinstance(part, str) for part in value):
            return ", ".join(value)
        case _:
            return msgspec.json.encode(value).decode()
