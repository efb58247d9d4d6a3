"""Kinds of stores."""

from enum import StrEnum


class StoreKind(StrEnum):
    """Store of a folder."""

    MONGOD = "mongod"
    SECANTUSDB = "secantusdb"
    EXTERNAL = "external"
    """The MongoDB that FLOWPORT_MONGODB_URI names."""


class NewStore(StrEnum):
    """Requested store of a new folder."""

    AUTO = "auto"
    MONGOD = "mongod"
    SECANTUSDB = "secantusdb"
