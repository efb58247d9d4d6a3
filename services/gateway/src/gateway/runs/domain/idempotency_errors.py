"""Errors of calls with an idempotency key that do not get the first answer."""

from typing import ClassVar

from shared.errors import Conflict


class IdempotencyKeyReused(Conflict):
    """The key belongs to another request."""

    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__("Idempotency key was used before with a different request")


class IdempotencyKeyInUse(Conflict):
    """The first call with this key is still in progress."""

    code = "IDEMPOTENCY_KEY_IN_USE"
    retryable = True

    def __init__(self) -> None:
        super().__init__("A request with this idempotency key is still being processed", retry_after=2)


class OutcomeUnknown(Conflict):
    """The process that answered the first call is lost; its run may have had effects, and is not restarted."""

    code = "IDEMPOTENCY_OUTCOME_UNKNOWN"
    sentence: ClassVar[str] = "The answer to the first request with this key was lost"

    def __init__(self, run_id: str) -> None:
        super().__init__(self.sentence, details={"runId": run_id})
        self.run_id = run_id


class AnswerNotKept(OutcomeUnknown):
    """The first call was answered, but such a workflow's answers are not stored."""

    code = "IDEMPOTENCY_ANSWER_NOT_KEPT"
    sentence = "The answer to the first request with this key is not kept"
