"""MongoDB indexes, which services declare next to their queries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pymongo import ASCENDING, IndexModel

from shared.store.expiry import Lifetime

EXPIRES: Final = "expireAfterSeconds"
"""Index option that expires documents."""


@dataclass(frozen=True)
class Index:
    """An index of one collection."""

    collection: str
    keys: tuple[tuple[str, int], ...]
    unique: bool = False
    expire_after_seconds: int | None = None
    sparse: bool = False
    """Omits documents without the field: for rare fields."""
    partial: Mapping[str, Any] | None = None
    name: str = field(default="")

    @property
    def lifetime(self) -> Lifetime | None:
        """Return the document lifetime that this index defines, if any."""
        if self.expire_after_seconds is None:
            return None
        return Lifetime(self.collection, self.keys[0][0], self.expire_after_seconds)

    def model(self, *, expires: bool = True) -> IndexModel:
        """Return the driver's index model, with expiry only if it `expires` documents."""
        options: dict[str, Any] = {"unique": self.unique} if self.unique else {}
        if self.expire_after_seconds is not None and expires:
            options[EXPIRES] = self.expire_after_seconds
        if self.sparse:
            options["sparse"] = True
        if self.partial is not None:
            options["partialFilterExpression"] = dict(self.partial)
        if self.name:
            options["name"] = self.name
        return IndexModel(list(self.keys), **options)


def ascending(*fields: str) -> tuple[tuple[str, int], ...]:
    """Return ascending index keys."""
    return tuple((name, ASCENDING) for name in fields)
