"""Workflows that must stay without further warnings: Sim's engine cases and exports, and our examples."""

import json
from pathlib import Path

import pytest

from shared.workflow.catalog import Catalog
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.format.js_values import JsonObject
from shared.workflow.format.model_names import PROVIDERS
from shared.workflow.transfer.importer import read_import
from shared.workflow.validate.validator import problems

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests/conformance/data"
WORKFLOWS: dict[str, JsonObject] = {
    **{case["id"]: case["workflow"] for case in json.loads((DATA / "engine-cases.json").read_text())},
    **{
        name: read_import(export["file"]).state
        for name, export in json.loads((DATA / "exports.json").read_text()).items()
    },
    **{file.name: read_import(file.read_text()).state for file in sorted((ROOT / "examples").glob("*.json"))},
}
KNOWN: dict[str, list[str]] = {
    "A07": ["unknown_field:F:code"],
    "A15": ["several_starts:Start:"],
    "B07": ["code_syntax:C:conditions,0"],
    "B21": ["unknown_reference:C:conditions,0"],
    "X30": ["code_syntax:C:conditions,1"],
    "D27": ["crossing_edge:Start:edges,e3"],
    "X26": ["container_not_connected:L:"],
    "X28": ["unreachable_block:F:"],
    "F09": ["unknown_field:G:code"],
    "F17": ["unknown_reference:G:code"],
    "F25": ["duplicate_name:dupx:"],
    "G03": ["unknown_variable:G:code"],
    "I05": ["invalid_setting:Z:status"],
    "I07": ["block_after_response:Z:edges,e2"],
    "J22": ["unknown_field:Api:body"],
    "K03": ["unknown_field:G:code"],
    "N05": ["unknown_handle:A:edges,e2"],
    "N07": ["missing_fields:Agent 1:Model"],
    "N11": ["no_start_block:None:"],
    "Q06": ["unreachable_block:W:"],
    "R03": ["unknown_field:F:code"],
    "library": ["unsupported_block_type:Agent:tools"],
    "sheet": ["missing_fields:parser:Model", "unknown_block_type:candidates:type"],
    "follow-up": ["no_start_block:None:", "unknown_block_type:send:type"],
    "F03": ["unknown_reference:Z:data"],
}
"""The problems of these workflows as `code:block:fields`. The others have none."""


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_correct_workflow_gets_no_further_warning(name: str) -> None:
    found = problems(compile_workflow(WORKFLOWS[name]), catalog=Catalog(), keyed_providers=PROVIDERS)
    assert sorted(f"{each.code}:{each.block_name}:{','.join(each.fields)}" for each in found) == KNOWN.get(name, [])
