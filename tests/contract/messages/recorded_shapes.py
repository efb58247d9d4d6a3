"""Recorded and declared messages and internal bodies."""

import importlib
import pkgutil
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
from tests.contract.shapes import Shape, shape_of

from shared import contracts

RECORDED = Path(__file__).parent / "recorded_shapes.json"


def recorded() -> dict[str, Shape]:
    """Return the recorded shapes."""
    return msgspec.json.decode(RECORDED.read_bytes(), type=dict[str, Shape])


def declared() -> dict[str, Shape]:
    """Return each struct with the types of its fields, each enum with its values."""
    return {kind.__qualname__: shape_of(kind) for base in (msgspec.Struct, Enum) for kind in _contracts(base)}


def _contracts(base: type[Any]) -> Iterator[Any]:
    for found in pkgutil.iter_modules(contracts.__path__, f"{contracts.__name__}."):
        module = importlib.import_module(found.name)
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, base) and kind.__module__ == found.name:
                yield kind
