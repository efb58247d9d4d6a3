"""Workflows that must stay without further warnings: Sim's engine cases and exports, and our examples."""

import json
from pathlib import Path

import pytest

from shared.workflow.catalog import Catalog
from shared.workflow.format.js_values import JsonObject
from shared.workflow.format.model_names import PROVIDERS
from shared.workflow.format.reader import read_state
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
    "B21": ["unknown_reference:C:conditions"],
    "B27": ["invalid_setting:C:conditions,0"],
    "X30": ["code_syntax:C:conditions,1"],
    "C09": ["invalid_setting:F:code"],
    "D09": ["invalid_setting:L:collection"],
    "D27": ["crossing_edge:Start:edges,e3"],
    "D31": ["unknown_field:F:code"],
    "X01": ["invalid_setting:V:variables"],
    "X03": ["invalid_setting:L:whileCondition", "invalid_setting:V:variables"],
    "X05": ["invalid_setting:V:variables"],
    "X09": ["invalid_setting:V:variables"],
    "X14": ["invalid_setting:V:variables"],
    "X16": ["invalid_setting:V:variables"],
    "X18": ["invalid_setting:V2:variables", "invalid_setting:V:variables"],
    "X26": ["container_not_connected:L:"],
    "X28": ["unreachable_block:F:"],
    "E15": ["invalid_setting:P:collection"],
    "X10": ["invalid_setting:V:variables"],
    "X12": ["invalid_setting:P:batchSize"],
    "F03": ["unknown_reference:Z:data"],
    "F07": ["unknown_field:G:code"],
    "F09": ["unknown_field:G:code"],
    "F17": ["unknown_reference:G:code"],
    "F25": ["duplicate_name:dupx:"],
    "F47": ["early_reference:A:code"],
    "X22": ["invalid_setting:V:variables", "unknown_field:Z:code"],
    "G03": ["unknown_variable:G:code"],
    "G07": ["invalid_setting:Set:variables"],
    "G13": ["invalid_setting:Z:data"],
    "H03": ["invalid_setting:G:code"],
    "H09": ["invalid_setting:G:code"],
    "H11": ["invalid_setting:G:code"],
    "I05": ["invalid_setting:Z:status"],
    "I07": ["block_after_response:Z:edges,e2"],
    "I19": ["unknown_field:Z:builderData"],
    "J01": ["invalid_setting:Api:params"],
    "J10": ["invalid_setting:Api:retries"],
    "J14": ["invalid_setting:Api:url"],
    "J22": ["unknown_field:Api:body"],
    "K03": ["unknown_field:G:code"],
    "M03": ["invalid_setting:W:timeValue"],
    "N03": ["early_reference:D:code"],
    "N05": ["unknown_handle:A:edges,e2"],
    "N07": ["invalid_setting:Agent 1:messages", "missing_fields:Agent 1:Model"],
    "N11": ["no_start_block:None:"],
    "Q06": ["unreachable_block:W:"],
    "R03": ["unknown_field:F:code"],
    "library": ["unsupported_block_type:Agent:tools"],
    "sheet": ["missing_fields:parser:Model", "unknown_block_type:candidates:type"],
    "follow-up": ["no_start_block:None:", "unknown_block_type:send:type"],
}
"""The problems of these workflows as `code:block:fields`. The others have none."""


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_correct_workflow_gets_no_further_warning(name: str) -> None:
    found = problems(read_state(WORKFLOWS[name]), catalog=Catalog(), keyed_providers=PROVIDERS)
    assert sorted(f"{each.code}:{each.block_name}:{','.join(each.fields)}" for each in found) == KNOWN.get(name, [])
