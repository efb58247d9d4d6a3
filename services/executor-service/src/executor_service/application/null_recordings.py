"""No recordings."""

from typing import Final

from executor_service.engine.recorder import RunRecording


class NullRecordings:
    """Implements Recordings; discards them."""

    def put(self, recording: RunRecording) -> None:
        pass


NO_RECORDINGS: Final = NullRecordings()
