"""Block types: their settings, outputs and effects."""

from shared.workflow.catalog.catalog import PLUGIN_GROUP, Catalog, Refusal, installed_catalog
from shared.workflow.catalog.spec import BlockSpec, Category, Effect, SubBlockSpec, When

__all__ = [
    "PLUGIN_GROUP",
    "BlockSpec",
    "Catalog",
    "Category",
    "Effect",
    "Refusal",
    "SubBlockSpec",
    "When",
    "installed_catalog",
]
