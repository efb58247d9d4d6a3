"""Declarations can never change, so the tests repeat them."""

import pytest

from shared.broker.queue_topology import (
    ASYNC,
    CONTROL,
    DEAD,
    EVENTS,
    EXPRESS,
    INTERACTIVE,
    LONGEST_RUN_SECONDS,
    NESTED,
    PROBE,
    RECORDS,
    UNREADABLE,
    Overflow,
    QueueType,
    default_topology,
)

GIB = 1024**3
ATTACHED = (EXPRESS, INTERACTIVE, NESTED)
TO_DEAD = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "runs.dead"}
REFUSING = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}
IN_MEMORY = {**REFUSING, **TO_DEAD, "x-queue-type": "classic", "x-max-length": 1, "x-max-length-bytes": GIB // 64}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (EXPRESS, IN_MEMORY),
        (INTERACTIVE, {**REFUSING, **TO_DEAD, "x-max-length": 20_000, "x-max-length-bytes": GIB}),
        (NESTED, {**REFUSING, **TO_DEAD, "x-max-length": 20_000, "x-max-length-bytes": GIB}),
        (ASYNC, {**REFUSING, **TO_DEAD, "x-max-length": 200_000, "x-max-length-bytes": GIB}),
        (RECORDS, {**REFUSING, **TO_DEAD, "x-max-length": 500_000, "x-max-length-bytes": GIB}),
        (EVENTS, {**REFUSING, **TO_DEAD, "x-max-length": 500_000, "x-max-length-bytes": GIB}),
        (
            DEAD,
            {
                **REFUSING,
                "x-max-length": 200_000,
                "x-max-length-bytes": GIB,
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": "runs.unreadable",
            },
        ),
        (
            UNREADABLE,
            {
                "x-queue-type": "quorum",
                "x-overflow": "drop-head",
                "x-max-length": 10_000,
                "x-max-length-bytes": GIB // 4,
            },
        ),
    ],
)
def test_the_declaration_of_an_existing_queue_has_not_changed(name: str, arguments: dict[str, object]) -> None:
    assert default_topology(LONGEST_RUN_SECONDS).queues[name].arguments == arguments


def test_the_names_have_not_changed() -> None:
    topology = default_topology(LONGEST_RUN_SECONDS)
    assert list(topology.queues) == [
        "runs.express", "runs.interactive", "runs.nested", "runs.async", "runs.records", "runs.events",
        "runs.dead", "runs.unreadable",
    ]  # fmt: skip
    assert (topology.probe.name, PROBE) == ("health.probe", "health.probe")
    assert (topology.control_exchange, CONTROL) == ("control", "control")


def test_every_queue_is_bounded_without_any_policy() -> None:
    topology = default_topology(LONGEST_RUN_SECONDS)
    declared = [queue.arguments for queue in (*topology.queues.values(), topology.probe)]
    declared += [topology.reply_inbox.arguments, topology.control_inbox.arguments]
    assert all(arguments["x-max-length"] and arguments["x-max-length-bytes"] for arguments in declared)


def test_queues_that_untrusted_callers_can_fill_refuse_when_full() -> None:
    topology = default_topology(LONGEST_RUN_SECONDS)
    assert all(
        topology.queues[name].overflow is Overflow.REFUSE
        for name in (EXPRESS, INTERACTIVE, NESTED, ASYNC, RECORDS, EVENTS)
    )
    assert topology.reply_inbox.overflow is Overflow.REFUSE


def test_work_outlives_a_node_and_private_queues_live_in_one() -> None:
    topology = default_topology(LONGEST_RUN_SECONDS)
    of_a_node = [queue.name for queue in topology.queues.values() if queue.type is not QueueType.QUORUM]
    assert of_a_node == [EXPRESS]  # it refuses messages while its node is down, so others take them
    assert topology.reply_inbox.arguments["x-queue-type"] == "classic"


def test_the_consumer_timeout_is_longer_than_the_longest_run() -> None:
    topology = default_topology(1000)
    for name in (EXPRESS, INTERACTIVE, ASYNC):
        assert topology.queues[name].policy.definition["consumer-timeout"] == 1_600_000


def test_an_attached_run_is_delivered_at_most_once_more() -> None:
    queues = default_topology(LONGEST_RUN_SECONDS).queues
    assert [queues[name].policy.definition["delivery-limit"] for name in ATTACHED] == [1, 1, 1]


def test_dead_letters_of_accepted_work_are_not_lost_on_the_way() -> None:
    policy = default_topology(LONGEST_RUN_SECONDS).queues[ASYNC].policy
    assert policy.definition["dead-letter-strategy"] == "at-least-once"


def test_a_reply_address_is_told_from_other_queues() -> None:
    inbox = default_topology(LONGEST_RUN_SECONDS).reply_inbox
    assert inbox.owns(inbox.new_name())
    assert not inbox.owns(INTERACTIVE)


def test_a_queue_is_declared_after_those_that_its_dead_letters_reach() -> None:
    topology = default_topology(LONGEST_RUN_SECONDS)
    declared = [queue.name for queue in topology.with_dead_letters(topology.queue(ASYNC))]
    assert declared == ["runs.unreadable", "runs.dead", "runs.async"]
