"""Parsing of AMQP URLs."""

import pytest

from shared.broker.address import parts_of, tls_context_of, virtual_host_of
from shared.broker.connect import open_broker


@pytest.mark.parametrize(
    ("path", "virtual_host"), [("", "/"), ("/", "/"), ("/%2F", "/"), ("/flow%2Fport", "flow/port")]
)
def test_the_virtual_host_is_unescaped_and_has_a_default(path: str, virtual_host: str) -> None:
    assert virtual_host_of(f"amqp://us%40er:p%2Fw@broker.internal:5679{path}") == virtual_host


def test_tls_verifies_certificate_and_host_name() -> None:
    context = tls_context_of("amqps://broker")
    assert context
    assert context.check_hostname
    assert tls_context_of("amqp://broker") is None


@pytest.mark.parametrize("url", ["", "http://broker", "redis://broker", "broker:5672", "amqp://", "amqps:///vhost"])
def test_other_urls_are_rejected(url: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)amqp"):
        open_broker(url, service="test")


@pytest.mark.parametrize("port", ["0", "70000", "secret/with-slash"])
def test_a_wrong_port_is_reported_without_the_password_that_it_may_be(port: str) -> None:
    with pytest.raises(ValueError, match="the port must be a number") as refused:
        parts_of(f"amqp://user:{port}@broker:{port}/")
    assert "secret" not in str(refused.value)
