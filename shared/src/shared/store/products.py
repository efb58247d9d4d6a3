"""Products that speak MongoDB's protocol, identified by `buildInfo`."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

MONGODB: Final = "MongoDB"
SECANTUSDB: Final = "SecantusDB"
_ITS_VERSION: Final = "secantusVersion"


class Product(NamedTuple):
    """A server's product and version."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def is_secantusdb(self) -> bool:
        """Return whether the adapter must avoid operations that are slow only in SecantusDB."""
        return self.name == SECANTUSDB


def product_of(build_info: Mapping[str, Any]) -> Product:
    """Return the product that answered `buildInfo`."""
    if _ITS_VERSION in build_info:
        return Product(SECANTUSDB, build_info[_ITS_VERSION])
    return Product(MONGODB, build_info.get("version", "of unknown version"))
