"""Parsing of AMQP URLs."""

import pytest

from flowport_amqp.address import parse
from shared.broker.connect import open_broker


def test_every_part_of_a_url_is_parsed() -> None:
    found = parse("amqp://us%40er:p%2Fw@broker.internal:5679/flow%2Fport")
    assert (found.host, found.port, found.user) == ("broker.internal", 5679, "us@er")
    assert (found.password, found.virtual_host, found.tls) == ("p/w", "flow/port", None)


@pytest.mark.parametrize("url", ["amqp://broker", "amqp://broker/"])
def test_missing_parts_have_defaults(url: str) -> None:
    found = parse(url)
    assert (found.port, found.user, found.password, found.virtual_host) == (5672, "guest", "guest", "/")


def test_tls_verifies_certificate_and_host_name() -> None:
    found = parse("amqps://broker")
    assert found.port == 5671
    assert found.tls
    assert found.tls.check_hostname


def test_the_repr_has_no_password() -> None:
    assert "hunter2" not in repr(parse("amqp://user:hunter2@broker"))


@pytest.mark.parametrize("url", ["", "http://broker", "redis://broker", "broker:5672"])
def test_other_urls_are_rejected(url: str) -> None:
    with pytest.raises(ValueError, match="amqp"):
        open_broker(url, service="test")
