"""The rules of a workflow's lifecycle, for every order of events."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy_service.domain.views import endpoint_view, version_view
from deploy_service.domain.workflow import Version, Workflow
from shared.contracts.deployments import UpdateAccess, UpdateWorkflow
from shared.contracts.recording_policy import RecordingPolicy
from shared.errors import InvalidRequest, NotDeployed, NotFound

AT = datetime(2026, 11, 24, tzinfo=UTC)
LATER = AT + timedelta(days=1)
WORKFLOW = Workflow(id="w", workspace_id="ws", name="Demo", created_at=AT, updated_at=AT)


def version(number: int) -> Version:
    return Version(
        id=f"v{number}",
        workflow_id="w",
        workspace_id="ws",
        number=number,
        snapshot_hash=f"h{number % 3}",
        created_at=AT,
        created_by="member-1",
        deployed_by="Ann",
    )


def test_a_deploy_makes_its_version_live() -> None:
    live = WORKFLOW.deployed(version(1), AT).live
    assert live is not None
    assert (live.number, live.version_id, live.snapshot_hash) == (1, "v1", "h1")


def test_a_deploy_that_a_later_one_overtook_changes_nothing() -> None:
    later = WORKFLOW.deployed(version(2), AT)
    assert later.deployed(version(1), AT) is later


def test_a_promote_of_a_version_never_live_also_counts_it_as_deployed() -> None:
    promoted = WORKFLOW.promoted(version(3), AT)
    assert promoted.last_version == 3
    assert promoted.promoted(version(1), AT).last_version == 3


def test_an_undeployed_workflow_cannot_be_undeployed() -> None:
    with pytest.raises(NotDeployed):
        WORKFLOW.undeployed(AT)


def test_an_archived_workflow_has_nothing_live() -> None:
    archived = WORKFLOW.deployed(version(1), AT).archived(AT)
    assert archived.is_archived
    assert archived.live is None


@pytest.mark.parametrize(("redeploy", "live"), [(False, None), (True, 1)])
def test_a_restored_workflow_is_unchanged_and_live_only_on_request(redeploy: bool, live: int | None) -> None:
    before = WORKFLOW.deployed(version(1), AT)
    after = before.archived(AT).restored(LATER, redeploy=redeploy)
    assert (after.live.number if after.live else None) == live
    assert replace(after, live=before.live, revision=before.revision, updated_at=AT) == before


def test_a_workflow_is_restorable_for_30_days() -> None:
    archived = WORKFLOW.archived(AT)
    assert not archived.restored(AT + timedelta(days=30), redeploy=True).is_archived
    with pytest.raises(NotFound):
        archived.restored(AT + timedelta(days=30, seconds=1), redeploy=True)


def test_a_workflow_that_an_earlier_release_archived_is_restorable() -> None:
    archived = replace(WORKFLOW, is_archived=True)
    assert not archived.restored(AT + timedelta(days=300), redeploy=True).is_archived


def test_only_what_an_update_gives_is_changed() -> None:
    full = replace(WORKFLOW, description="d", folder_id="f", is_public=True)
    assert replace(full.updated(UpdateWorkflow(), AT), revision=1) == full
    assert full.updated(UpdateWorkflow(folder_id=None), AT).folder_id is None
    assert full.with_access(UpdateAccess(description="e"), AT).is_public
    assert not full.with_access(UpdateAccess(is_public=False), AT).is_public
    with pytest.raises(InvalidRequest):
        full.with_access(UpdateAccess(description="x" * 2_001), AT)


def test_callers_see_nothing_live_before_the_first_deploy() -> None:
    endpoint = endpoint_view(WORKFLOW)
    assert not endpoint.is_deployed
    assert (endpoint.version, endpoint.deployed_at) == (None, None)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deploy"), st.integers(1, 8)),
        st.tuples(st.just("promote"), st.integers(1, 8)),
        st.tuples(st.sampled_from(["undeploy", "rename", "open"]), st.just(0)),
    ),
    max_size=30,
)


def apply(workflow: Workflow, step: str, number: int) -> Workflow:
    match step:
        case "deploy":
            return workflow.deployed(version(number), AT)
        case "promote":
            return workflow.promoted(version(number), AT)
        case "undeploy":
            return workflow.undeployed(AT) if workflow.live else workflow
        case "rename":
            return workflow.updated(UpdateWorkflow(name="New"), AT)
        case _:
            return workflow.with_access(UpdateAccess(is_public=True), AT)


@given(STEPS)
def test_in_every_order_of_events_the_rules_hold(steps: list[tuple[str, int]]) -> None:
    workflow = WORKFLOW
    for step, number in steps:
        before, workflow = workflow, apply(workflow, step, number)
        assert workflow.last_version >= before.last_version
        assert workflow is before or workflow.revision == before.revision + 1
        assert workflow.live is None or workflow.live.number <= workflow.last_version
        assert step == "undeploy" or before.live is None or workflow.live is not None
        views = [version_view(version(n), workflow) for n in range(1, 9)]
        assert sum(view.is_live for view in views) == (workflow.live is not None)


def test_recording_is_set_kept_by_other_changes_and_ended() -> None:
    policy = RecordingPolicy(0.5, failures=True, days=3)
    recorded = WORKFLOW.with_access(UpdateAccess(recording=policy), AT)
    assert endpoint_view(recorded).recording == policy
    assert recorded.with_access(UpdateAccess(is_public=True), AT).recording == policy
    assert recorded.with_access(UpdateAccess(recording=None), AT).recording is None


def test_recording_is_refused_while_no_data_is_stored_and_ends_with_it() -> None:
    policy = RecordingPolicy(1.0)
    recorded = WORKFLOW.with_access(UpdateAccess(recording=policy), AT)
    private = recorded.with_access(UpdateAccess(stores_data=False), AT)
    assert private.recording is None
    for change in (UpdateAccess(recording=policy), UpdateAccess(stores_data=False, recording=policy)):
        with pytest.raises(InvalidRequest, match="storeInputsAndOutputs"):
            private.with_access(change, AT)
    assert private.with_access(UpdateAccess(stores_data=True, recording=policy), AT).recording == policy


@pytest.mark.parametrize("policy", [RecordingPolicy(-0.1), RecordingPolicy(1.1), RecordingPolicy(1.0, days=0)])
def test_a_policy_outside_its_limits_is_refused(policy: RecordingPolicy) -> None:
    with pytest.raises(InvalidRequest):
        WORKFLOW.with_access(UpdateAccess(recording=policy), AT)
