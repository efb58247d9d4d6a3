"""For any order of events, the rules agree with a simple model.

The model: the run belongs to the latest granted claim until that ends; the first end is final; the run never moves
backwards.
"""

from datetime import timedelta

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.support.jobs.makers import NOW, RULES, a_run, asks

from jobs_service.runs import rules as claim_rules
from jobs_service.runs.rules import ClaimEnd, ClaimGrant, answer, cancel, finish, pause
from jobs_service.runs.run import Phase, Run, transition
from shared.contracts.claims import ClaimRun
from shared.contracts.runs import RunStatus
from shared.errors import Conflict, NotFound, StaleAttempt

RANK = {RunStatus.QUEUED: 0, RunStatus.PROCESSING: 1, RunStatus.PAUSED: 1}
OUTCOMES = st.sampled_from([RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED])


class RunMachine(RuleBasedStateMachine):
    """One run, its dispatcher, its workers, its callers, its reaper, and time."""

    def __init__(self) -> None:
        super().__init__()
        self.run = a_run(time_limit_ms=120_000, limit_text_ms=120_000)
        self.now = NOW
        self.dispatches = 0
        self.granted: list[tuple[int, str]] = []
        self.claims: list[ClaimRun] = []
        self.holder: int | None = None
        self.lost = 0
        self.shown = 0
        self.end: Run | None = None

    @rule(seconds=st.sampled_from([0, 1, 5, 14, 16, 60]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(seconds=st.sampled_from([-30, 30]))
    def the_clock_is_stepped(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.run.phase in (Phase.WAITING, Phase.DISPATCHED, Phase.REQUEUED))
    @rule()
    def dispatch(self) -> None:
        self.dispatches += 1
        dispatch_id = f"dispatch-{self.dispatches}"
        issued = (*self.run.dispatch_ids, dispatch_id)
        self.run = transition(self.run, Phase.DISPATCHED, dispatch_id=dispatch_id, dispatch_ids=issued)

    @precondition(lambda self: self.dispatches)
    @rule(data=st.data(), redelivered=st.booleans(), worker=st.sampled_from(["one", "two"]))
    def claim(self, data: st.DataObject, redelivered: bool, worker: str) -> None:
        dispatch_id = f"dispatch-{data.draw(st.integers(1, self.dispatches))}"
        self._claim(ClaimRun(dispatch_id, worker, redelivered, claim_id=f"claim-{len(self.claims)}"))

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def claim_again(self, data: st.DataObject) -> None:
        """Lose the answer to a claim."""
        self._claim(data.draw(st.sampled_from(self.claims)))

    def _claim(self, claim: ClaimRun) -> None:
        dispatch_id, redelivered = claim.dispatch_id, claim.redelivered
        self.claims.append(claim)
        decision = claim_rules.claim(self.run, claim, self.now, RULES)
        if not isinstance(decision, ClaimGrant | ClaimEnd):
            return
        assert self.end is None, "an ended run cannot be claimed"
        again = decision.run.attempt == self.run.attempt and isinstance(decision, ClaimGrant)
        if self.holder is not None and not again:
            assert redelivered and (self.holder, dispatch_id) in self.granted
            self.lost += 1
        assert not again or (self.holder, dispatch_id) in self.granted
        self._is_now(decision.run)
        if isinstance(decision, ClaimGrant) and not again:
            assert decision.run.attempt == len(self.granted) + 1, "every grant is a new attempt"
            self.granted.append((decision.run.attempt, dispatch_id))
        self.holder = decision.run.attempt if isinstance(decision, ClaimGrant) else None

    @precondition(lambda self: self.granted)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        attempt = self._any_attempt(data)
        try:
            run = claim_rules.renew(self.run, attempt, self.now, RULES)
        except StaleAttempt:
            assert attempt != self.holder
            return
        assert attempt == self.holder
        self._is_now(run)

    @precondition(lambda self: self.granted)
    @rule(data=st.data(), status=OUTCOMES)
    def finish(self, data: st.DataObject, status: RunStatus) -> None:
        attempt = self._any_attempt(data)
        try:
            run = finish(self.run, attempt, self.now, RULES, status=status)
        except StaleAttempt:
            assert attempt != self.holder
            return
        if self.end is not None:
            assert run == self.end, "a report that comes again changes nothing"
            return
        assert attempt == self.holder
        assert run.status is status
        self.holder = None
        self._is_now(run)

    @precondition(lambda self: self.granted)
    @rule(data=st.data(), contexts=st.sets(st.sampled_from(["a", "b", "c"]), min_size=1))
    def pause(self, data: st.DataObject, contexts: set[str]) -> None:
        attempt = self._any_attempt(data)
        points = tuple(asks(name, minutes=1 if name == "c" else None) for name in sorted(contexts))
        try:
            run = pause(self.run, attempt, self.now, RULES, points=points, reported_at=NOW)
        except StaleAttempt:
            assert attempt != self.holder
            return
        self.holder = None
        self._is_now(run)

    @precondition(lambda self: self.run.pauses)
    @rule(context=st.sampled_from(["a", "b"]))
    def answer(self, context: str) -> None:
        waiting = {each.point.context_id for each in self.run.pauses if not each.is_answered}
        try:
            run = answer(self.run, context, msgspec.Raw(b"{}"), RULES)
        except (NotFound, Conflict):
            assert context not in waiting
            return
        assert context in waiting, "a pause is answered once"
        self._is_now(run)

    @precondition(lambda self: self.granted)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        attempt = self._any_attempt(data)
        try:
            run = claim_rules.release(self.run, attempt, self.now, RULES)
        except StaleAttempt:
            assert attempt != self.holder
            return
        self.holder = None
        self._is_now(run)

    @rule()
    def cancel(self) -> None:
        try:
            done = cancel(self.run, self.now, RULES)
        except Conflict:
            assert self.end is not None
            return
        if done.run.phase.is_terminal:
            self.holder = None
        self._is_now(done.run)

    @precondition(lambda self: self.run.due_at is not None and self.run.due_at <= self.now)
    @rule()
    def reap(self) -> None:
        assert self.end is None
        run = claim_rules.overdue(self.run, self.now, RULES)
        assert run != self.run, "the reaper never looks at the same thing twice"
        if self.holder is not None:
            self.lost += 1
            self.holder = None
        self._is_now(run)

    @invariant()
    def nothing_goes_backwards(self) -> None:
        rank = RANK.get(self.run.status, 2)
        assert rank >= self.shown
        self.shown = rank

    @invariant()
    def the_first_end_stays(self) -> None:
        if self.end is not None:
            assert self.run == self.end

    @invariant()
    def only_lost_workers_count(self) -> None:
        assert self.run.losses == self.lost <= RULES.attempt_limit

    @invariant()
    def a_run_is_held_exactly_while_it_is_at_work(self) -> None:
        assert (self.run.phase is Phase.PROCESSING) == (self.holder is not None)

    @invariant()
    def reaper_checks_a_begun_run(self) -> None:
        goes_on = self.run.paused_at is not None and self.run.phase in (Phase.REQUEUED, Phase.DISPATCHED)
        assert self.run.phase.is_terminal or not self.granted or goes_on or self.run.due_at is not None

    def _is_now(self, run: Run) -> None:
        self.run = run
        if run.phase.is_terminal and self.end is None:
            self.end = run

    def _any_attempt(self, data: st.DataObject) -> int:
        return data.draw(st.integers(1, len(self.granted)))


TestRunMachine = RunMachine.TestCase
TestRunMachine.settings = settings(stateful_step_count=40, deadline=None)
