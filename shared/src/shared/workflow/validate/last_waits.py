"""Waits that end their path: the run then answers with the output of the wait."""

from collections import Counter
from collections.abc import Iterator

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.validate.handles import ERROR_HANDLE


def last_waits(state: WorkflowState) -> Iterator[Problem]:
    """Yield a warning for each wait that nothing follows, in a workflow whose other paths end with a response.

    A wait beside other blocks may delay the end of the run, and one in a loop the next iteration.
    """
    enabled = [block for block in state.blocks.values() if state.is_enabled(block.id)]
    after_success = {edge.target for edge in state.edges if edge.source_handle != ERROR_HANDLE}
    if not any(block.type == "response" and block.id in after_success for block in enabled):
        return
    followed = {edge.source for edge in state.edges}
    ports = Counter((edge.source, edge.source_handle) for edge in state.edges)
    for block in enabled:
        if block.type != "wait" or block.id in followed or state.container_of(block.id) is not None:
            continue
        before = [edge for edge in state.edges if edge.target == block.id]
        if before and all(ports[edge.source, edge.source_handle] == 1 for edge in before):
            cause = f"{block.name}: nothing follows this wait, so the run ends with the output of the wait"
            message = f"{cause}. Connect the block that is next, in a file with next."
            yield warning(ProblemCode.INVALID_SETTING, message, block)
