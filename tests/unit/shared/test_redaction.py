"""Secrets do not reach logs, neither under their names nor inside of texts."""

import json
import logging

import pytest
import structlog

from shared.observe.logging import MASK, configure_logging, get_logger, redact

KEY = "sk-sim-RrUBqjtnbaYUMs_eb7jSA-DN6NcayTdZUd8JMA"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "api_key",
        "x-api-key",
        "FLOWPORT_TOKEN",
        "authorization",
        "client_secret",
        "passphrase",
        "set-cookie",
    ],
)
def test_fields_named_like_secrets_are_masked(name: str) -> None:
    assert redact(None, "info", {name: "anything", "run_id": "r1"}) == {name: MASK, "run_id": "r1"}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"refused {KEY} twice", f"refused {MASK} twice"),
        ("amqp://user:hunter2@broker:5672/", f"amqp://{MASK}@broker:5672/"),
        ("mongodb://a:b%40c@one,two/?x=1", f"mongodb://{MASK}@one,two/?x=1"),
        ("Authorization: Bearer abc.def-123456", f"Authorization: {MASK}"),
        ("nothing of interest", "nothing of interest"),
    ],
)
def test_secrets_inside_of_texts_are_masked(text: str, left: str) -> None:
    assert redact(None, "info", {"event": text})["event"] == left


def test_a_line_as_it_is_written_has_neither_a_key_nor_a_password(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level, kept = root.handlers[:], root.level, structlog.get_config()
    try:
        configure_logging()
        try:
            raise ValueError(f"cannot enter amqp://user:hunter2@broker with {KEY}")
        except ValueError:
            get_logger("part").exception("it failed", token="t0k3n")
        logging.getLogger("a library").warning("refused %s", KEY)
        line, foreign = map(json.loads, capsys.readouterr().err.splitlines())
    finally:
        root.handlers, root.level = handlers, level
        structlog.configure(**kept)
    assert line["token"] == MASK
    assert "hunter2" not in str(line)
    assert KEY not in str(line)
    assert foreign["event"] == f"refused {MASK}"
