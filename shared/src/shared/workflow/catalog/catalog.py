"""Catalog of all installed block types, including third-party ones."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from shared.contracts.problems import ProblemCode
from shared.workflow.catalog.core import CORE_BLOCKS
from shared.workflow.catalog.replacements import base_type, replacement_for
from shared.workflow.catalog.spec import BlockSpec
from shared.workflow.catalog.triggers import service_of
from shared.workflow.catalog.unsupported import UNSUPPORTED

PLUGIN_GROUP: Final = "flowport.blocks"
"""Entry-point group. An entry point's name is the block type; its object has a `spec: BlockSpec`."""


@dataclass(frozen=True, slots=True)
class UnsupportedBlock:
    """Block type that cannot be used, with a message for the user."""

    type: str
    reason: ProblemCode
    message: str


class Catalog:
    """Block types by name. Plugins are imported once, when their type is first requested."""

    def __init__(self, specs: Iterable[BlockSpec] = CORE_BLOCKS, plugins: Iterable[EntryPoint] = ()) -> None:
        self._found: dict[str, BlockSpec | UnsupportedBlock] = {spec.type: spec for spec in specs}
        self._plugins: Mapping[str, EntryPoint] = {plugin.name: plugin for plugin in plugins}

    def find(self, block_type: str) -> BlockSpec | UnsupportedBlock:
        """Return the type's spec or refusal."""
        found = self._found.get(block_type)
        if found is not None:
            return found
        if plugin := self._plugins.get(block_type):
            self._found[block_type] = loaded = _load(plugin)
            return loaded
        return _refusal(block_type)

    def spec(self, block_type: str) -> BlockSpec | None:
        """Return the type's spec, None if it is unusable."""
        found = self.find(block_type)
        return found if isinstance(found, BlockSpec) else None

    @property
    def types(self) -> list[str]:
        """Return the names of all types, usable or not."""
        return [*self._found, *self._plugins]

    def __iter__(self) -> Iterator[BlockSpec]:
        """Iterate over all usable types, plugins last; imports every plugin."""
        for block_type in (*self._found, *self._plugins):
            self.find(block_type)
        return (found for found in list(self._found.values()) if isinstance(found, BlockSpec))


@cache
def installed_catalog() -> Catalog:
    """Return the process's catalog: core types and plugins of the Python environment."""
    return Catalog(plugins=entry_points(group=PLUGIN_GROUP))


def _refusal(block_type: str) -> UnsupportedBlock:
    if sentence := UNSUPPORTED.get(block_type) or UNSUPPORTED.get(base_type(block_type)):
        return UnsupportedBlock(block_type, ProblemCode.UNSUPPORTED_BLOCK_TYPE, sentence)
    use = "to call a service that has no block type, use an API block"
    if service_of(block_type):
        use = "no trigger of another service runs here. Begin with a Start block, and let the service call the workflow"
    sentence = f"Invalid block type: {block_type}; {use}"
    if replacement := replacement_for(block_type):
        sentence = f"Invalid block type: {block_type}; {replacement.sentence}"
    return UnsupportedBlock(block_type, ProblemCode.UNKNOWN_BLOCK_TYPE, sentence)


def _load(plugin: EntryPoint) -> BlockSpec | UnsupportedBlock:
    try:
        spec = plugin.load().spec
    except ModuleNotFoundError as error:
        return _broken(plugin, f"the package {error.name} is not installed where this service runs")
    except Exception as error:  # a plugin's import may raise anything; only its own blocks may fail
        return _broken(plugin, f"{type(error).__name__}: {error}")
    if not isinstance(spec, BlockSpec):
        return _broken(plugin, f"its spec is a {type(spec).__name__}, not a BlockSpec")
    if spec.type != plugin.name:
        return _broken(plugin, f"its spec describes the type {spec.type}")
    return spec


def _broken(plugin: EntryPoint, cause: str) -> UnsupportedBlock:
    message = f"The plugin for block type {plugin.name} ({plugin.value}) could not be loaded: {cause}"
    return UnsupportedBlock(plugin.name, ProblemCode.BROKEN_BLOCK_PLUGIN, message)
