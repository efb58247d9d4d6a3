"""Every kind of start: it gives what the caller sent, as the start block declares it."""

from executor_service.engine import BlockHandler, BlockResult, Call, Inputs


class StartHandler(BlockHandler):
    """The input was read before the run began."""

    def prepare(self, call: Call) -> Inputs:
        """A start takes nothing but the caller's input."""
        return Inputs(call.start_output)

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Hand it on."""
        return BlockResult(call.start_output)
