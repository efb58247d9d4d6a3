"""Block types: their settings, outputs and effects."""

from shared.workflow.catalog.catalog import PLUGIN_GROUP, Catalog, UnsupportedBlock, installed_catalog
from shared.workflow.catalog.spec import BlockSpec, Category, Effect, NumberRange, SubBlockSpec, When

__all__ = [
    "PLUGIN_GROUP",
    "BlockSpec",
    "Catalog",
    "Category",
    "Effect",
    "NumberRange",
    "SubBlockSpec",
    "UnsupportedBlock",
    "When",
    "installed_catalog",
]
