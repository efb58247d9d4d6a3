"""Which worker gets a run."""

from datetime import timedelta

import pytest
from tests.support.jobs.makers import NOW, RULES, a_claim, a_run, after, in_progress

from jobs_service.runs.rules import ClaimEnd, ClaimGrant, ClaimRefusal, claim
from jobs_service.runs.run import Phase
from shared.contracts.runs import ErrorCode


def test_the_first_claim_of_a_dispatched_run_is_granted_as_attempt_one() -> None:
    decision = claim(a_run(Phase.DISPATCHED, dispatch_id="dispatch-1"), a_claim(), NOW, RULES)

    assert isinstance(decision, ClaimGrant)
    run = decision.run
    assert (run.phase, run.attempt, run.losses) == (Phase.PROCESSING, 1, 0)
    assert (run.started_at, run.due_at, run.deadline_at) == (NOW, after(15), after(5400))
    assert (run.held_dispatch_id, run.worker_id) == ("dispatch-1", "worker-2")


def test_an_older_dispatch_of_an_unclaimed_run_is_as_good_as_the_latest() -> None:
    run = a_run(Phase.DISPATCHED, dispatch_id="dispatch-2", dispatch_ids=("dispatch-1", "dispatch-2"))
    decision = claim(run, a_claim("dispatch-1"), NOW, RULES)

    assert isinstance(decision, ClaimGrant)
    assert decision.run.dispatch_ids == (), "no message of an earlier dispatch is accepted after the claim"


def test_a_dispatched_run_is_refused_to_a_claim_with_another_dispatch_id() -> None:
    run = a_run(Phase.DISPATCHED, dispatch_id="dispatch-2", dispatch_ids=("dispatch-1", "dispatch-2"))

    assert claim(run, a_claim("dispatch-3", redelivered=True), NOW, RULES) == ClaimRefusal()


def test_the_dispatch_of_an_earlier_version_is_accepted_that_stored_its_latest_id_only() -> None:
    assert isinstance(claim(a_run(Phase.DISPATCHED, dispatch_id="dispatch-1"), a_claim(), NOW, RULES), ClaimGrant)


def test_a_requeued_run_is_refused_until_it_is_dispatched_again() -> None:
    run = a_run(Phase.REQUEUED, attempt=1, dispatch_id="dispatch-1", started_at=NOW, deadline_at=after(5400))

    assert claim(run, a_claim(redelivered=True), NOW, RULES) == ClaimRefusal()


def test_a_run_that_is_too_old_with_its_pauses_fails_instead() -> None:
    run = a_run(Phase.DISPATCHED, dispatch_id="dispatch-1", paused_at=NOW, deadline_at=after(5400))
    assert isinstance(claim(run, a_claim(), NOW + RULES.age - timedelta(seconds=1), RULES), ClaimGrant)
    decision = claim(run, a_claim(), NOW + RULES.age, RULES)

    assert isinstance(decision, ClaimEnd)
    assert decision.run.error is not None
    assert decision.run.error.message == "The run did not finish within 360 days, including its pauses"


@pytest.mark.parametrize(
    "new_claim",
    [
        a_claim("dispatch-2"),
        a_claim("dispatch-2", redelivered=True),
        a_claim("dispatch-1", "worker-2"),
        a_claim("dispatch-2", "worker-1"),
        a_claim("dispatch-1", "worker-1"),
        a_claim("dispatch-1", "worker-1", claim_id=None),
    ],
)
def test_a_live_lease_holds_against_every_other_message(new_claim: object) -> None:
    assert claim(in_progress(), new_claim, NOW, RULES) == ClaimRefusal()  # type: ignore[arg-type]


def test_the_redelivered_message_of_a_live_lease_takes_over_and_counts_a_loss() -> None:
    decision = claim(in_progress(), a_claim(redelivered=True), NOW, RULES)

    assert isinstance(decision, ClaimGrant)
    assert (decision.run.attempt, decision.run.losses, decision.run.worker_id) == (2, 1, "worker-2")


def test_an_apparently_expired_lease_is_valid_until_the_reaper_ends_it() -> None:
    assert claim(in_progress(), a_claim("dispatch-9"), after(30), RULES) == ClaimRefusal(), (
        "the store's clock may have jumped"
    )


@pytest.mark.parametrize("redelivered", [False, True])
@pytest.mark.parametrize("seconds", [3, 33])
def test_a_repeated_claim_is_granted_without_counting_an_attempt(redelivered: bool, seconds: int) -> None:
    request = a_claim("dispatch-1", "worker-1", redelivered=redelivered, claim_id="claim-1")
    decision = claim(in_progress(), request, after(seconds), RULES)

    assert isinstance(decision, ClaimGrant)
    assert (decision.run.attempt, decision.run.losses, decision.run.due_at) == (1, 0, after(seconds + 15))


def test_a_redelivery_to_the_previous_worker_is_another_attempt() -> None:
    decision = claim(in_progress(), a_claim("dispatch-1", "worker-1", redelivered=True), NOW, RULES)

    assert isinstance(decision, ClaimGrant)
    assert (decision.run.attempt, decision.run.losses, decision.run.claim_id) == (2, 1, "claim-2")


def test_a_requeued_run_is_granted_without_counting_again() -> None:
    run = a_run(
        Phase.DISPATCHED, dispatch_id="dispatch-2", attempt=1, losses=1, started_at=NOW, deadline_at=after(5400)
    )
    decision = claim(run, a_claim("dispatch-2"), after(60), RULES)

    assert isinstance(decision, ClaimGrant)
    assert (decision.run.attempt, decision.run.losses) == (2, 1)
    assert (decision.run.started_at, decision.run.deadline_at) == (NOW, after(5400)), "the time limit goes on"


@pytest.mark.parametrize(
    "phase",
    [
        Phase.RESERVED,
        Phase.WAITING,
        Phase.ATTACHED,
        Phase.REQUEUED,
        Phase.PAUSED,
        Phase.COMPLETED,
        Phase.FAILED,
        Phase.CANCELLED,
    ],
)
def test_a_run_that_needs_no_worker_is_granted_to_no_claim(phase: Phase) -> None:
    assert claim(a_run(phase), a_claim(redelivered=True), NOW, RULES) == ClaimRefusal()


def test_after_the_last_allowed_loss_the_run_fails_instead() -> None:
    decision = claim(in_progress(losses=2), a_claim(redelivered=True), NOW, RULES)

    assert isinstance(decision, ClaimEnd)
    assert decision.run.phase is Phase.FAILED
    assert decision.run.error is not None
    assert decision.run.error.code is ErrorCode.ATTEMPTS_EXHAUSTED
    assert "3 attempts" in decision.run.error.message


def test_a_run_past_its_time_limit_fails_instead() -> None:
    run = a_run(Phase.DISPATCHED, dispatch_id="dispatch-1", attempt=1, started_at=NOW, deadline_at=after(5400))
    decision = claim(run, a_claim(), after(5400), RULES)

    assert isinstance(decision, ClaimEnd)
    assert decision.run.error is not None
    assert decision.run.error.message == "Execution timed out after 90 minutes"


def test_a_run_whose_cancel_was_recorded_is_cancelled_instead() -> None:
    decision = claim(in_progress(cancel_requested=True), a_claim(redelivered=True), NOW, RULES)

    assert isinstance(decision, ClaimEnd)
    assert decision.run.phase is Phase.CANCELLED


def test_a_lease_never_outlasts_the_time_limit_and_its_grace() -> None:
    run = a_run(Phase.DISPATCHED, dispatch_id="dispatch-1", attempt=1, started_at=NOW, deadline_at=after(2))
    decision = claim(run, a_claim(), after(1), RULES)

    assert isinstance(decision, ClaimGrant)
    assert decision.run.due_at == after(12)
