"""Stores that a folder of Flowport can have."""

from enum import StrEnum


class StoreKind(StrEnum):
    """What stores the data of a folder."""

    MONGOD = "mongod"
    SECANTUSDB = "secantusdb"
    EXTERNAL = "external"
    """The MongoDB that FLOWPORT_MONGODB_URI names."""


class NewStore(StrEnum):
    """What a new folder is to use."""

    AUTO = "auto"
    MONGOD = "mongod"
    SECANTUSDB = "secantusdb"
