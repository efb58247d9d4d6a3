"""All kinds of start: each outputs the caller's input, as the start block declares it."""

from executor_service.engine import BlockHandler, BlockResult, Call, Inputs


class StartHandler(BlockHandler):
    """Passes on the input, which was read before the run started."""

    def prepare(self, call: Call) -> Inputs:
        """Return no settings: a start uses only the caller's input."""
        return Inputs(call.start_output)

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Return the input."""
        return BlockResult(call.start_output)
