"""Block types from other distributions, by entry points of the group `flowport.blocks`.

The object behind an entry point has a `spec: BlockSpec`, for the catalog, and a `handler: BlockHandler`.
"""

import logging
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint
from typing import Final

from executor_service.blocks.unavailable import UnavailableHandler
from executor_service.engine import BlockHandler
from shared.workflow.catalog.core import CORE_BLOCKS

BUILT_IN: Final = frozenset(spec.type for spec in CORE_BLOCKS)
_log = logging.getLogger(__name__)


def plugin_handlers(plugins: Iterable[EntryPoint]) -> Mapping[str, BlockHandler]:
    """Return a handler for each plugin's block type. A broken plugin is logged, and only its own type fails.

    Plugins cannot replace built-in types.
    """
    return {plugin.name: _handler(plugin) for plugin in plugins if not _is_built_in(plugin)}


def _is_built_in(plugin: EntryPoint) -> bool:
    if plugin.name in BUILT_IN:
        _log.warning("block_plugin_ignored plugin=%s block_type=%s reason=built_in", plugin.value, plugin.name)
    return plugin.name in BUILT_IN


def _handler(plugin: EntryPoint) -> BlockHandler:
    try:
        handler = plugin.load().handler
    except Exception as error:  # a plugin's import may raise anything; only its own blocks may fail
        return _unavailable_handler(plugin, f"{type(error).__name__}: {error}")
    if not isinstance(handler, BlockHandler):
        return _unavailable_handler(plugin, f"its handler is a {type(handler).__name__}, not a BlockHandler")
    _log.info("block_plugin_loaded plugin=%s block_type=%s", plugin.value, plugin.name)
    return handler


def _unavailable_handler(plugin: EntryPoint, cause: str) -> BlockHandler:
    reason = f"The plugin for block type {plugin.name} ({plugin.value}) cannot run: {cause}"
    _log.error("block_plugin_failed plugin=%s block_type=%s reason=%s", plugin.value, plugin.name, cause)
    return UnavailableHandler(reason)
