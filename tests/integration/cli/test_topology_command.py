"""`flowport topology`, against a real broker."""

import json

from tests.support.rabbitmq import RabbitMQServer, manage
from typer.testing import CliRunner

from flowport.main import app


def test_applied_policies_pass_the_check(rabbitmq: RabbitMQServer) -> None:
    runner = CliRunner()
    changed = {"pattern": "^nothing$", "definition": {"max-length": 1}}
    manage(rabbitmq, "PUT", "policies/%2F/flowport.runs.async", changed)
    before = runner.invoke(app, ["topology", "check", rabbitmq.management_url])
    assert before.exit_code == 1
    assert "runs.async" in before.output
    applied = runner.invoke(
        app, ["topology", "apply", rabbitmq.management_url, "--json"], env={"FLOWPORT_AMQP_URL": rabbitmq.amqp_url}
    )
    assert {"what": "policy", "name": "runs.async"} in json.loads(applied.stdout)
    assert runner.invoke(app, ["topology", "check", rabbitmq.management_url]).exit_code == 0


def test_the_longest_run_changes_the_policies(rabbitmq: RabbitMQServer) -> None:
    runner = CliRunner()
    longer = {"FLOWPORT_LONGEST_RUN_SECONDS": "86400", "FLOWPORT_AMQP_URL": rabbitmq.amqp_url}
    assert runner.invoke(app, ["topology", "apply", rabbitmq.management_url], env=longer).exit_code == 0
    assert runner.invoke(app, ["topology", "check", rabbitmq.management_url], env=longer).exit_code == 0
    drifted = runner.invoke(app, ["topology", "check", rabbitmq.management_url])
    assert drifted.exit_code == 1
    assert "runs.async" in drifted.output


def test_the_management_url_may_come_from_the_environment(rabbitmq: RabbitMQServer) -> None:
    runner = CliRunner()
    known = {"FLOWPORT_AMQP_URL": rabbitmq.amqp_url, "FLOWPORT_AMQP_MANAGEMENT_URL": rabbitmq.management_url}
    assert runner.invoke(app, ["topology", "apply"], env=known).exit_code == 0
    assert runner.invoke(app, ["topology", "check"], env=known).exit_code == 0
    for unknown in (None, ""):
        refused = runner.invoke(app, ["topology", "check"], env={"FLOWPORT_AMQP_MANAGEMENT_URL": unknown})
        assert refused.exit_code == 2
        assert "FLOWPORT_AMQP_MANAGEMENT_URL" in refused.output


def test_a_deleted_queue_is_reported_as_missing(rabbitmq: RabbitMQServer) -> None:
    runner = CliRunner()
    known = {"FLOWPORT_AMQP_URL": rabbitmq.amqp_url, "FLOWPORT_AMQP_MANAGEMENT_URL": rabbitmq.management_url}
    assert runner.invoke(app, ["topology", "apply"], env=known).exit_code == 0
    manage(rabbitmq, "DELETE", "queues/%2F/runs.events")
    missed = runner.invoke(app, ["topology", "check"], env=known)
    assert missed.exit_code == 1
    assert "runs.events" in missed.output
    assert "run `flowport topology apply`" in str(missed.exception)
    assert runner.invoke(app, ["topology", "apply"], env=known).exit_code == 0
    assert runner.invoke(app, ["topology", "check"], env=known).exit_code == 0


def test_the_topology_is_in_the_virtual_host_of_the_url(rabbitmq: RabbitMQServer) -> None:
    runner = CliRunner()
    manage(rabbitmq, "PUT", "vhosts/flow%2Fport")
    known = {
        "FLOWPORT_AMQP_URL": f"{rabbitmq.amqp_url}flow%2Fport",
        "FLOWPORT_AMQP_MANAGEMENT_URL": rabbitmq.management_url,
        "FLOWPORT_AMQP_PASSWORD_GATEWAY": "secret",
    }
    try:
        assert runner.invoke(app, ["topology", "check"], env=known).exit_code == 1
        assert runner.invoke(app, ["topology", "apply"], env=known).exit_code == 0
        assert "flowport.runs.async" in [each["name"] for each in manage(rabbitmq, "GET", "policies/flow%2Fport")]
        permissions = manage(rabbitmq, "GET", "vhosts/flow%2Fport/permissions")
        assert "flowport-gateway" in [each["user"] for each in permissions]
        assert runner.invoke(app, ["topology", "check"], env=known).exit_code == 0
        found = runner.invoke(app, ["doctor", "--json"], env=known)
        queues = [each for each in json.loads(found.stdout) if each["check"] == "topology"]
        assert [each["verdict"] for each in queues] == ["ok"]
    finally:
        manage(rabbitmq, "DELETE", "vhosts/flow%2Fport")
