"""What an event takes while it waits for its reader."""

from shared.contracts.events import BlockEnded, BlockStarted, Chunk, RunEvent, Thinking


def weight(event: RunEvent) -> int:
    """About its bytes, where it can have many; values that the final frame is made of are needed in any case."""
    match event:
        case Chunk(text=text) | Thinking(text=text):
            return len(text)
        case BlockStarted(data=document) | BlockEnded(data=document):
            return len(bytes(document))
        case _:
            return 0
