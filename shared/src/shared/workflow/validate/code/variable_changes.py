"""Code that changes a workflow variable: no other block sees it, because code has a copy."""

from collections.abc import Iterator
from typing import Final

import tree_sitter

from shared.workflow.catalog import Catalog
from shared.workflow.compile.code_parser import Language, query, source_of
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.format.js_values import Json, to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.references import Reference, normalize_name
from shared.workflow.validate.code.code_context import Spans
from shared.workflow.validate.endless_loops import assigned_variables
from shared.workflow.validate.references.unknown_references import block_references
from shared.workflow.validate.returns import Program

_EMPTY: Final[tuple[Json, ...]] = (0, "0", "", "[]", "{}", [], {})
_QUERIES: Final = {
    Language.JAVASCRIPT: """
(expression_statement [
 (assignment_expression left: (identifier) @changed)
 (augmented_assignment_expression left: (identifier) @changed)
 (update_expression argument: (identifier) @changed)]) @change
(expression_statement (call_expression
 function: (member_expression object: (identifier) @changed property: (property_identifier) @method))
 (#any-of? @method "push" "unshift")) @change
(identifier) @name
""",
    Language.PYTHON: """
(expression_statement [
 (assignment left: (identifier) @changed) (augmented_assignment left: (identifier) @changed)]) @change
(expression_statement (call
 function: (attribute object: (identifier) @changed attribute: (identifier) @method))
 (#any-of? @method "append" "extend" "insert")) @change
(identifier) @name
""",
}


class VariableChanges:
    """Finds changes of variables that only their own code could see, if the code or its result has no use for them."""

    def __init__(self, state: WorkflowState, catalog: Catalog) -> None:
        self._state = state
        references = [(block.id, each) for block, _, each in block_references(state, catalog)]
        self._readers = {(to_string(each.path[0]), block) for block, each in references if each.name == "variable"}
        self._results = {state.ids_by_name.get(each.name) for _, each in references if each.path[0] == "result"}
        blocks = (each for each in state.blocks.values() if each.type == "variables")
        self._assigned = set[str]().union(*map(assigned_variables, blocks))

    def found(self, block: Block, template: CodeTemplate, program: Program | None) -> Iterator[tuple[int, str]]:
        """Yield line and problem of the first change of each variable."""
        references = template.value_references.items()
        variables = {name: part for name, part in references if part.name == "variable"}
        if program is None or not variables:
            return
        root, source = program
        captures = tree_sitter.QueryCursor(query(template.language, _QUERIES[template.language])).matches(root)
        changes: dict[str, list[tree_sitter.Node]] = {}
        uses: dict[str, list[tree_sitter.Node]] = {}
        for found in (each for _, each in captures):
            node = (found.get("changed") or found["name"])[0]
            into, added = (changes, found["change"][0]) if "changed" in found else (uses, node)
            into.setdefault(source_of(node, source), []).append(added)
        for name, changed in changes.items():
            part, spans = variables.get(name), Spans(changed)
            reads = [node for node in uses[name] if node not in spans]
            if part is not None and len(part.path) == 1 and self._is_lost(block, template, part, reads):
                text = f"{part.raw} changes in this code only. Return the value, and assign it in a variables block"
                yield changed[0].start_point.row + 1, text

    def _is_lost(
        self, block: Block, template: CodeTemplate, variable: Reference, reads: list[tree_sitter.Node]
    ) -> bool:
        """Return whether neither the code nor a later block reads the change, or it is the same in each run."""
        if not reads:
            return True
        key = to_string(variable.path[0])
        is_only_returned = all(node.parent is not None and node.parent.type == "return_statement" for node in reads)
        is_read_elsewhere = any(name == key and reader != block.id for name, reader in self._readers)
        has_result = block.id in self._results or bool(self._state.containers_of(block.id))
        goes_on = any(edge.source == block.id for edge in self._state.edges)
        if is_only_returned and is_read_elsewhere and goes_on and not has_result:
            return True
        declared = next((each for each in self._state.variables.values() if key in (each.id, each.name)), None)
        names = {normalize_name(each) for each in (declared.id, declared.name)} if declared else set[str]()
        is_empty = declared is not None and declared.value in _EMPTY and names.isdisjoint(self._assigned)
        is_alone = len({each.part for each in template.variables}) == 1 and not template.reads_environment
        return is_empty and is_alone and "(" not in template.source
