"""A listener that records events."""


class RecordingListener:
    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.thoughts: list[str] = []

    async def text(self, piece: str) -> None:
        self.pieces.append(piece)

    async def thinking(self, piece: str) -> None:
        self.thoughts.append(piece)
