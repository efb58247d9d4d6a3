"""Plugins' block types as tools of agents: a block's settings are the tool's parameters."""

from collections.abc import Mapping

from executor_service.blocks.agent.tool_builder import BlockTool
from executor_service.blocks.unavailable import UnavailableHandler
from executor_service.engine import BlockHandler
from shared.workflow.catalog import BlockSpec, Catalog, SubBlockSpec
from shared.workflow.format.js_values import JsonObject


def plugin_tools(
    handlers: Mapping[str, BlockHandler], catalog: Catalog
) -> Mapping[str, tuple[BlockTool, BlockHandler]]:
    """Return the plugins' runnable tools, by block type."""
    specs = {
        kind: catalog.spec(kind) for kind, handler in handlers.items() if not isinstance(handler, UnavailableHandler)
    }
    return {kind: (_tool(spec), handlers[kind]) for kind, spec in specs.items() if spec is not None}


def _tool(spec: BlockSpec) -> BlockTool:
    settings = [setting for setting in spec.sub_blocks if not setting.password]
    return BlockTool(
        spec.type,
        spec.type,
        spec.description or spec.title,
        {
            "type": "object",
            "properties": {setting.parameter: _property(setting) for setting in settings},
            "required": [setting.parameter for setting in settings if setting.required and setting.condition is None],
        },
        {setting.parameter: setting.default for setting in spec.sub_blocks if setting.default is not None},
    )


def _property(setting: SubBlockSpec) -> JsonObject:
    schema: JsonObject = {"type": "string", "description": setting.title}
    return {**schema, "enum": list(setting.options)} if setting.options else schema
