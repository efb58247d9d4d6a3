"""A third party adds a block type with one file and one entry point, as examples/custom_block shows."""

import logging
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from tests.support.blocks.agents import Adding, Model
from tests.support.blocks.runs import INPUT, echo, engine_of, failure, names, run
from tests.support.workflow_states import block, chain

from executor_service.blocks.agent import AgentHandler, ToolBuilder
from executor_service.blocks.agent.plugin_tools import plugin_tools
from executor_service.blocks.mcp import McpServers
from executor_service.blocks.plugins import plugin_handlers
from executor_service.engine import BlockHandler, RunResult
from executor_service.providers import ToolCall, Turn
from shared.net import OutboundClient
from shared.workflow.catalog import PLUGIN_GROUP, BlockSpec, Catalog
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.format.js_values import JsonObject

EXAMPLE = Path(__file__).parents[3] / "examples" / "custom_block"


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> EntryPoint:
    """Return the entry point that installing the example creates."""
    monkeypatch.syspath_prepend(EXAMPLE)
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    ((name, value),) = project["entry-points"][PLUGIN_GROUP].items()
    return EntryPoint(name, value, PLUGIN_GROUP)


async def run_with(plugin: EntryPoint, document: JsonObject, body: Any = None) -> RunResult:
    """Run a workflow on a server where this plugin is installed."""
    workflow = compile_workflow(document, catalog=Catalog(plugins=[plugin]))
    return await run(workflow, engine_of(plugin_handlers([plugin])), body)


def shorten(**settings: Any) -> JsonObject:
    return block("s", "shorten", "Shorten", settings={"text": "<start.input>", **settings})


async def test_its_blocks_run_like_any_other(plugin: EntryPoint) -> None:
    result = await run_with(plugin, chain(INPUT, shorten(words="2")), {"input": "one two three"})
    assert result.output == {"text": "one two…", "wasShortened": True}


async def test_later_blocks_refer_to_its_outputs(plugin: EntryPoint) -> None:
    document = chain(INPUT, shorten(words="2", ending="..."), echo("after", "<shorten.text> <shorten.wasShortened>"))
    assert (await run_with(plugin, document, {"input": "one two three"})).output == {"data": "one two... true"}


async def test_undeclared_outputs_cannot_be_referenced(plugin: EntryPoint) -> None:
    document = chain(INPUT, shorten(), echo("after", "<shorten.words>"))
    assert failure(await run_with(plugin, document, {"input": "x"})).startswith(
        'after: "words" doesn\'t exist on block "shorten". Available fields: text, wasShortened'
    )


async def test_its_defaults_are_filled_in(plugin: EntryPoint) -> None:
    result = await run_with(plugin, chain(INPUT, shorten()), {"input": "word " * 60})
    assert result.output["text"] == "word " * 49 + "word…"


async def test_it_fails_with_its_own_sentence(plugin: EntryPoint) -> None:
    result = await run_with(plugin, chain(INPUT, shorten(words="some")), {"input": "x"})
    assert failure(result) == "Shorten: Words must be a whole number, at least 1"


async def test_a_required_setting_that_is_empty_is_refused_before_the_run(plugin: EntryPoint) -> None:
    result = await run_with(plugin, chain(INPUT, shorten(text="")))
    assert failure(result) == "Shorten is missing required fields: Text"
    assert names(result) == []


async def converse(plugin: EntryPoint, *turns: Turn, **params: Any) -> tuple[Model, RunResult]:
    """Run an agent that has the plugin's block as a tool."""
    handlers = plugin_handlers([plugin])
    tools = plugin_tools(handlers, Catalog(plugins=[plugin]))
    model = Model(*turns, Turn(content="done"))
    agent = AgentHandler(model, ToolBuilder(Adding(), tools, McpServers(OutboundClient())))
    tool: JsonObject = {"type": plugin.name, "title": "Shorten", "params": params}
    settings: JsonObject = {"model": "vllm/m", "messages": [{"role": "user", "content": "Go"}], "tools": [tool]}
    document = chain(INPUT, block("a", "agent", "A", settings=settings))
    return model, await run(document, engine_of({"agent": agent}))


async def test_an_agent_may_use_it_as_a_tool(plugin: EntryPoint) -> None:
    call = ToolCall("c", "shorten", '{"text": "one two three"}')
    model, result = await converse(plugin, Turn(tool_calls=(call,)), words="2")
    (tool,) = model.requests[0].tools
    assert tool.name == "shorten"
    assert tool.description == "Cuts a text after so many words"
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "Text"},
            "ending": {"type": "string", "description": "Ending", "enum": ["…", "...", ""]},
        },
        "required": ["text"],
    }
    (made,) = result.output["toolCalls"]["list"]
    assert made["result"] == {"text": "one two…", "wasShortened": True}


async def test_a_failing_tool_is_reported_to_the_model(plugin: EntryPoint) -> None:
    _, result = await converse(plugin, Turn(tool_calls=(ToolCall("c", "shorten", "{}"),)))
    (made,) = result.output["toolCalls"]["list"]
    assert made["result"] == {"error": True, "message": "KeyError: 'text'", "tool": "shorten"}
    assert result.output["content"] == "done"


class SpecAlone:
    """A plugin without a handler."""

    spec = BlockSpec(type="broken", title="Broken")


class NoHandler:
    """A plugin whose handler is None."""

    spec = BlockSpec(type="broken", title="Broken")
    handler = "later"


@pytest.mark.parametrize(
    ("target", "cause"),
    [
        ("SpecAlone", "AttributeError: type object 'SpecAlone' has no attribute 'handler'"),
        ("NoHandler", "its handler is a str, not a BlockHandler"),
    ],
)
async def test_a_plugin_without_a_handler_is_named_in_the_log_and_where_its_type_is_used(
    target: str, cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = EntryPoint("broken", f"{__name__}:{target}", PLUGIN_GROUP)
    reason = f"The plugin for block type broken ({broken.value}) cannot run: {cause}"
    result = await run_with(broken, chain(INPUT, block("b", "broken", "B")))
    assert failure(result) == f"B: {reason}"
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        f"block_plugin_failed plugin={broken.value} block_type=broken reason={cause}"
    ]


async def test_a_plugin_that_cannot_be_imported_affects_only_its_own_type(plugin: EntryPoint) -> None:
    missing = EntryPoint("missing", "no_such_module", PLUGIN_GROUP)
    result = await run_with(missing, chain(INPUT, block("b", "missing", "B")))
    assert failure(result) == (
        "The plugin for block type missing (no_such_module) could not be loaded: "
        "the package no_such_module is not installed where this service runs"
    )
    handlers = plugin_handlers([missing, plugin])
    assert set(handlers) == {"missing", "shorten"}
    workflow = compile_workflow(chain(INPUT, shorten()), catalog=Catalog(plugins=[missing, plugin]))
    assert (await run(workflow, engine_of(handlers), {"input": "fine"})).output["text"] == "fine"


def test_a_plugin_never_replaces_a_built_in_type(plugin: EntryPoint, caplog: pytest.LogCaptureFixture) -> None:
    assert plugin_handlers([EntryPoint("function", plugin.value, PLUGIN_GROUP)]) == {}
    assert "block_type=function reason=built_in" in caplog.text


def test_a_handler_is_loaded_once_for_all_runs(plugin: EntryPoint) -> None:
    first, second = plugin_handlers([plugin])["shorten"], plugin_handlers([plugin])["shorten"]
    assert isinstance(first, BlockHandler)
    assert first is second
