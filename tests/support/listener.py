"""A listener that records events."""


class RecordingListener:
    def __init__(self) -> None:
        self.chunks: list[str] = []
        self.thoughts: list[str] = []

    async def text(self, chunk: str) -> None:
        self.chunks.append(chunk)

    async def thinking(self, chunk: str) -> None:
        self.thoughts.append(chunk)
