"""An invalid address or port is one error message that names its setting, without a traceback."""

import pytest
from tests.support.command_line import CommandLine

KEY = {"FLOWPORT_API_KEY": "key"}
MANAGEMENT = "FLOWPORT_AMQP_MANAGEMENT_URL"
NO_API = {MANAGEMENT: "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("command", "variables", "named"),
    [
        ("topology check", {MANAGEMENT: "http://user:s3cret@127.0.0.1:99999"}, MANAGEMENT),
        ("topology apply", {MANAGEMENT: "http://user:s3cret@host:port"}, MANAGEMENT),
        ("topology apply", {MANAGEMENT: "http://user:s3cret/@host:15672"}, MANAGEMENT),
        ("topology apply", {MANAGEMENT: "host:15672"}, MANAGEMENT),
        (
            "topology apply",
            {**NO_API, "FLOWPORT_AMQP_URL": "amqp://user:s3cret@127.0.0.1:99999/"},
            "FLOWPORT_AMQP_URL",
        ),
        ("topology check", {**NO_API, "FLOWPORT_AMQP_URL": "amqp://user:s3cret@host:port/"}, "FLOWPORT_AMQP_URL"),
        ("topology check", {**NO_API, "FLOWPORT_AMQP_URL": "user:s3cret@host"}, "FLOWPORT_AMQP_URL"),
        ("topology check", {**NO_API, "FLOWPORT_AMQP_URL": "amqp://user:s3cret/@host"}, "FLOWPORT_AMQP_URL"),
        ("indexes check", {"FLOWPORT_MONGODB_URI": "mongodb://user:s3cret@127.0.0.1:99999"}, "FLOWPORT_MONGODB_URI"),
        ("indexes apply", {"FLOWPORT_MONGODB_URI": "127.0.0.1"}, "FLOWPORT_MONGODB_URI"),
        ("indexes apply", {"FLOWPORT_MONGODB_URI_JOBS": "mongodb://a:b"}, "FLOWPORT_MONGODB_URI"),
        ("workflows list", {**KEY, "FLOWPORT_URL": "http://127.0.0.1:99999"}, "http://127.0.0.1:99999"),
        ("workflows list", {**KEY, "FLOWPORT_URL": "http://host:port"}, "http://host:port"),
        ("login --url http://127.0.0.1:99999", {}, "http://127.0.0.1:99999"),
        ("stack", {"FLOWPORT_DEPLOY_PORT": "99999"}, "FLOWPORT_DEPLOY_PORT"),
        ("stack", {"FLOWPORT_JOBS_PORT": "0"}, "FLOWPORT_JOBS_PORT"),
        ("stack", {"FLOWPORT_EXECUTOR_PORT": "-1"}, "FLOWPORT_EXECUTOR_PORT"),
        ("up", {"FLOWPORT_AMQP_URL": "amqp://user:s3cret@127.0.0.1:99999/"}, "FLOWPORT_AMQP_URL"),
    ],
)
def test_a_command_names_the_invalid_address(command: str, variables: dict[str, str], named: str) -> None:
    refused = CommandLine({"XDG_CONFIG_HOME": "/nowhere", "COLUMNS": "300", **variables})(*command.split(), stdin="key")
    assert refused.code in (1, 2)
    assert named in refused.err
    assert "s3cret" not in refused.err
    assert refused.out == ""
