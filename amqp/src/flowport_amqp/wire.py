"""Primitive types of AMQP 0-9-1: strings, numbers and field tables."""

import struct
from collections.abc import Callable, Mapping
from typing import Final

from flowport_amqp.errors import ProtocolError

Value = None | bool | int | float | str | bytes | list["Value"] | dict[str, "Value"]
"""Value of a received field."""
Field = bool | int | str | Mapping[str, "Field"]
"""Value of a field to send."""
Table = Mapping[str, Field]

MAX_DEPTH: Final = 16
"""Maximum nesting of tables and arrays."""

_INT32: Final = range(-(2**31), 2**31)
_NUMBERS: Final = {
    b"b": struct.Struct(">b"),
    b"B": struct.Struct(">B"),
    b"s": struct.Struct(">h"),
    b"u": struct.Struct(">H"),
    b"I": struct.Struct(">i"),
    b"i": struct.Struct(">I"),
    b"l": struct.Struct(">q"),
    b"L": struct.Struct(">Q"),
    b"T": struct.Struct(">Q"),
    b"f": struct.Struct(">f"),
    b"d": struct.Struct(">d"),
}


def short_string(text: str) -> bytes:
    """Encode a short string. Raises ValueError above 255 bytes."""
    encoded = text.encode()
    if len(encoded) > 255:
        raise ValueError(f"a short string has at most 255 bytes, not {len(encoded)}")
    return bytes((len(encoded),)) + encoded


def long_string(data: bytes) -> bytes:
    """Encode a long string."""
    return len(data).to_bytes(4, "big") + data


def table(fields: Table) -> bytes:
    """Encode a field table."""
    return long_string(b"".join(short_string(name) + _tagged(value) for name, value in fields.items()))


def _tagged(value: Field) -> bytes:
    match value:
        case bool():
            return b"t" + bytes((value,))
        case int():
            return b"I" + value.to_bytes(4, "big", signed=True) if value in _INT32 else b"l" + _int64(value)
        case str():
            return b"S" + long_string(value.encode())
    return b"F" + table(value)


def _int64(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


class Reader:
    """Sequential reader of a payload. Raises ProtocolError for invalid data."""

    __slots__ = ("_data", "_depth", "_offset")

    def __init__(self, data: bytes, offset: int = 0) -> None:
        self._data = data
        self._offset = offset
        self._depth = 0

    def octet(self) -> int:
        """Return one byte."""
        return self._take(1)[0]

    def short(self) -> int:
        """Return two bytes as an unsigned number."""
        return int.from_bytes(self._take(2), "big")

    def long(self) -> int:
        """Return four bytes as an unsigned number."""
        return int.from_bytes(self._take(4), "big")

    def short_string(self) -> str:
        """Return a short string. Invalid UTF-8 is replaced."""
        return self._take(self.octet()).decode(errors="replace")

    def long_string(self) -> bytes:
        """Return a long string."""
        return self._take(self.long())

    def table(self) -> dict[str, Value]:
        """Return a field table."""
        end = self._nested_end()
        fields: dict[str, Value] = {}
        while self._offset < end:
            name = self.short_string()
            fields[name] = self._value()
        self._leave(end)
        return fields

    def _array(self) -> list[Value]:
        end = self._nested_end()
        values: list[Value] = []
        while self._offset < end:
            values.append(self._value())
        self._leave(end)
        return values

    def _value(self) -> Value:
        tag = self._take(1)
        if number := _NUMBERS.get(tag):
            value: int | float = number.unpack(self._take(number.size))[0]
            return value
        read = _OTHERS.get(tag)
        if read is None:
            raise ProtocolError(f"unknown field type {tag!r}")
        return read(self)

    def _text(self) -> str:
        return self.long_string().decode(errors="replace")

    def _decimal(self) -> float:
        scale = self.octet()
        return float(int.from_bytes(self._take(4), "big", signed=True) / 10**scale)

    def _nested_end(self) -> int:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ProtocolError(f"tables nested more than {MAX_DEPTH} levels deep")
        size = self.long()
        end = self._offset + size
        if end > len(self._data):
            raise ProtocolError("table exceeds its frame")
        return end

    def _leave(self, end: int) -> None:
        if self._offset != end:
            raise ProtocolError("table content exceeds its length")
        self._depth -= 1

    def _take(self, size: int) -> bytes:
        start, self._offset = self._offset, self._offset + size
        if self._offset > len(self._data):
            raise ProtocolError("truncated frame")
        return self._data[start : self._offset]


_OTHERS: Final[Mapping[bytes, Callable[[Reader], Value]]] = {
    b"V": lambda reader: None,
    b"t": lambda reader: bool(reader.octet()),
    b"S": Reader._text,
    b"x": Reader.long_string,
    b"D": Reader._decimal,
    b"F": Reader.table,
    b"A": Reader._array,
}
