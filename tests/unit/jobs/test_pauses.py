"""Paused runs: for whom, until when, and how they continue."""

from datetime import UTC, datetime

import msgspec
import pytest
from tests.support.jobs.makers import NOW, RULES, a_claim, a_run, after, asks, in_progress

from jobs_service.runs import rules as claim_rules
from jobs_service.runs.rules import MAX_ANSWER_BYTES, MAX_ANSWERS_BYTES, ClaimGrant, answer, answers_of, cancel, pause
from jobs_service.runs.run import Phase, Run, transition
from shared.contracts.jobs import PauseKind, PausePoint
from shared.contracts.runs import ErrorCode
from shared.errors import Conflict, NotFound, PayloadTooLarge, StaleAttempt

YES = msgspec.Raw(b'{"approved":true}')
A_DAY = 86_400


def waiting(*points: PausePoint, at: float = 60, **fields: object) -> Run:
    """Return a run whose first attempt paused at `at` seconds, by a clock that is five minutes slow."""
    return pause(in_progress(**fields), 1, after(at), RULES, points=points, reported_at=after(at - 300))


def claimed(run: Run, at: float) -> Run:
    decision = claim_rules.claim(transition(run, Phase.DISPATCHED, dispatch_id="d2"), a_claim("d2"), after(at), RULES)
    assert isinstance(decision, ClaimGrant)
    return decision.run


def test_an_answer_sends_the_run_on_its_way() -> None:
    run = answer(waiting(asks()), "form", YES, RULES)

    assert (run.phase, answers_of(run)) == (Phase.REQUEUED, {"form": YES})


def test_only_the_first_answer_counts() -> None:
    answered = answer(waiting(asks()), "form", YES, RULES)

    with pytest.raises(Conflict):
        answer(answered, "form", msgspec.Raw(b"{}"), RULES)


@pytest.mark.parametrize("run", [waiting(asks("other")), in_progress()])
def test_an_unknown_pause_cannot_be_answered(run: Run) -> None:
    with pytest.raises(NotFound):
        answer(run, "form", YES, RULES)


def test_a_run_that_is_over_cannot_be_resumed() -> None:
    cancelled = cancel(waiting(asks()), NOW, RULES)

    assert cancelled.was_paused
    with pytest.raises(Conflict, match="while cancelled"):
        answer(cancelled.run, "form", YES, RULES)


def test_a_wait_is_not_ended_by_a_person() -> None:
    with pytest.raises(Conflict):
        answer(waiting(asks("wait", minutes=10)), "wait", YES, RULES)


def test_an_answer_has_a_bound() -> None:
    with pytest.raises(PayloadTooLarge):
        answer(waiting(asks()), "form", msgspec.Raw(b" " * (MAX_ANSWER_BYTES + 1)), RULES)


def test_waiting_answers_have_all_been_accepted() -> None:
    most = MAX_ANSWERS_BYTES // MAX_ANSWER_BYTES
    run, large = waiting(*(asks(str(n)) for n in range(most + 1))), msgspec.Raw(b" " * MAX_ANSWER_BYTES)
    for n in range(most):
        run = answer(run, str(n), large, RULES)

    with pytest.raises(PayloadTooLarge):
        answer(run, str(most), YES, RULES)


def test_time_in_a_pause_does_not_count_as_run_time() -> None:
    run = claimed(answer(waiting(asks(), at=60), "form", YES, RULES), at=60 + 3 * A_DAY)

    assert run.deadline_at == after(5400 + 3 * A_DAY)
    assert (run.attempt, run.losses, run.paused_at) == (2, 0, None)


def test_an_answer_stays_until_the_run_pauses_without_it_or_ends() -> None:
    second = claimed(answer(waiting(asks("a"), asks("b")), "a", YES, RULES), at=120)
    assert answers_of(second) == {"a": YES}

    third = pause(second, 2, after(130), RULES, points=(asks("b"),), reported_at=after(130))
    assert (third.phase, [each.point.context_id for each in third.pauses]) == (Phase.PAUSED, ["b"])


def test_an_answer_that_arrives_while_another_is_processed_is_next() -> None:
    second = claimed(answer(waiting(asks("a"), asks("b")), "a", YES, RULES), at=120)
    answered = answer(second, "b", YES, RULES)
    assert answered.phase is Phase.PROCESSING

    third = pause(answered, 2, after(130), RULES, points=(asks("b"),), reported_at=after(130))
    assert (third.phase, answers_of(third)) == (Phase.REQUEUED, {"b": YES})


def test_a_wait_ends_by_the_stores_clock() -> None:
    run = waiting(asks("wait", minutes=10), at=0)
    assert run.due_at == after(600)

    late = claim_rules.overdue(run, after(600), RULES)
    assert (late.phase, list(answers_of(late))) == (Phase.REQUEUED, ["wait"])


def test_the_first_of_several_waits_sends_the_run_on() -> None:
    run = claim_rules.overdue(waiting(asks("long", minutes=60), asks("short", minutes=10), at=0), after(700), RULES)

    assert list(answers_of(run)) == ["short"]


def test_no_pause_waits_forever() -> None:
    run = waiting(asks(), at=0)
    assert run.due_at == NOW + RULES.pause

    assert claim_rules.overdue(run, NOW + RULES.pause / 2, RULES) == run
    ended = claim_rules.overdue(run, NOW + RULES.pause, RULES)
    assert ended.phase is Phase.FAILED
    assert ended.error is not None and ended.error.code is ErrorCode.TIMEOUT


def test_a_repeated_identical_report_changes_nothing() -> None:
    run = waiting(asks())

    assert pause(run, 1, after(99), RULES, points=(asks(),), reported_at=NOW) == run


def test_an_attempt_that_does_not_hold_the_run_cannot_pause_it() -> None:
    with pytest.raises(StaleAttempt):
        pause(a_run(Phase.REQUEUED, attempt=2), 1, NOW, RULES, points=(asks(),), reported_at=NOW)


def test_a_run_that_is_to_be_cancelled_does_not_pause() -> None:
    assert waiting(asks(), cancel_requested=True).phase is Phase.CANCELLED


def test_however_often_a_run_pauses_it_ends_at_its_age_limit() -> None:
    late = RULES.age.total_seconds() - 60
    run = waiting(asks(), at=late)

    assert run.due_at == after(RULES.age.total_seconds())
    ended = claim_rules.overdue(run, NOW + RULES.age, RULES)
    assert (ended.phase, ended.error and ended.error.code) == (Phase.FAILED, ErrorCode.TIMEOUT)
    assert ended.error is not None
    assert "360 days" in ended.error.message


def test_a_pause_until_the_end_of_all_dates_can_be_stored() -> None:
    forever = PausePoint("wait", "wait", PauseKind.TIME, NOW, datetime.max.replace(tzinfo=UTC))

    assert waiting(forever).due_at == after(60) + RULES.pause
