"""Output of commands: tables for terminals, tab-separated rows for pipes, JSON for programs."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text


class ReaderClosed(Exception):
    """The reader of the output closed it, as in `flowport runs list | head -1`."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise ReaderClosed instead of exiting with 1."""
        raise ReaderClosed


class Output:
    """Prints results to standard output and notes to standard error.

    Values from users and servers are never parsed as rich markup: names and errors may contain brackets.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.console: Console = _Console()
        self.notes = Console(stderr=True)

    @property
    def progress(self) -> Console:
        """Return the console for progress messages: standard error when the output is JSON."""
        return self.notes if self.as_json else self.console

    def print_rows(self, columns: Sequence[str], items: Sequence[Mapping[str, Any]]) -> None:
        """Print one line per item, with the given fields."""
        if self.as_json:
            self.print_json(items)
        elif self.console.is_terminal:
            self._table(
                [_title(column) for column in columns], [[_text(item.get(name)) for name in columns] for item in items]
            )
        else:
            self.print_line("\t".join(columns))
            for item in items:
                self.print_line("\t".join(_text(item.get(column)) for column in columns))

    def _table(self, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table without truncating cells, so that ids can be copied."""
        widths = [max(map(cell_len, column)) for column in zip(titles, *rows, strict=True)]
        if rows and sum(widths) + 2 * (len(widths) - 1) > self.console.width:
            self._records(titles, rows)
            return
        for cells, style in ((titles, "bold"), *((row, "") for row in rows)):
            line = Text(style=style)
            for cell, width in zip(cells, widths, strict=True):
                line.append(set_cell_size(cell, width), style=STATUS_STYLES.get(cell, ""))
                line.append("  ")
            line.rstrip()
            self.console.print(line, soft_wrap=True)

    def _records(self, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print rows that are wider than the terminal one below the other, one field per line."""
        width = max(map(cell_len, titles))
        for number, row in enumerate(rows):
            if number:
                self.console.print()
            for title, cell in zip(titles, row, strict=True):
                line = Text.assemble((f"{set_cell_size(title, width)}  ", "bold"), (cell, STATUS_STYLES.get(cell, "")))
                self.console.print(line, soft_wrap=True)

    def print_change(self, before: Any, after: Any) -> None:
        """Print the value before a change with `-` and after it with `+`; of two lists, the entries that differ."""
        old, new = _entries(before), _entries(after)
        if old is None or new is None:
            old, new = [before], [after]
        for sign, values, others in (("-", old, new), ("+", new, old)):
            for value in values:
                if value is not None and value not in others:
                    self._print_side(sign, value)

    def _print_side(self, sign: str, value: Any) -> None:
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for line in text.split("\n"):
            shown = f"    {sign} {line.translate(_CONTROLS)}"
            self.console.print(Text(shown, style=_SIGNS[sign]), soft_wrap=True)

    def print_record(self, item: Mapping[str, Any]) -> None:
        """Print one item, one field per line."""
        if self.as_json:
            self.print_json(item)
            return
        width = max(map(len, map(_title, item)), default=0)
        for name, value in item.items():
            self.print_line(f"{_title(name):<{width}}  {_text(value)}")

    def print_done(self, document: Mapping[str, Any], note: str) -> None:
        """Report an operation without a result: `note` for users, `document` for programs."""
        if self.as_json:
            self.print_json(document)
        else:
            self.print_note(note)

    def print_json(self, value: Any) -> None:
        """Print one JSON document."""
        document = msgspec.json.encode(value)
        self.print_line((msgspec.json.format(document, indent=2) if self.console.is_terminal else document).decode())

    def print_document(self, value: Any) -> None:
        """Print a result of any type as indented JSON."""
        self.print_line(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())

    def print_line(self, text: str) -> None:
        """Print text without wrapping, so that it can be copied."""
        self.write_text(f"{text}\n")

    def write_text(self, text: str) -> None:
        """Print a part of a text that is still being written."""
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise ReaderClosed from error

    def print_note(self, text: str, *, label: str = "", style: str = "") -> None:
        """Print a message for users, with a colored `label` before it. JSON output omits it."""
        if not self.as_json:
            print_labelled(self.notes, text, label=label, style=style)


def _entries(value: Any) -> list[Any] | None:
    """Return the entries of a list, or of the JSON of one: branches and fields are stored so."""
    try:
        found = msgspec.json.decode(value) if isinstance(value, str) else value
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, list) else None


def print_labelled(console: Console, text: str, *, label: str = "", style: str = "") -> None:
    """Print one line without wrapping, with a colored label before it."""
    console.print(Text.assemble((label, style), "  " if label and text else "", text), soft_wrap=True)


STATUS_STYLES: Final = {
    "completed": "green",
    "success": "green",
    "failed": "red",
    "error": "red",
    "cancelled": "yellow",
    "paused": "yellow",
    "running": "cyan",
    "queued": "cyan",
}
"""Colors of statuses in tables."""
_SIGNS: Final = {"-": "red", "+": "green"}
_CONTROLS: Final = {code: repr(chr(code))[1:-1] for code in (*range(0x20), *range(0x7F, 0xA0))}
"""Escapes for control characters in values from servers: no value moves the cursor or breaks a row."""


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
