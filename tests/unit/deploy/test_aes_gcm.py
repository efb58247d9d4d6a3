"""A sealed value opens only at its place and with its key."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.deploy import key

from deploy_service.settings import DeploySettings
from shared.errors import Unavailable
from shared.security.aes_gcm import AesGcmKeyRing

RING = AesGcmKeyRing.parse(f"{key('new')}, {key('old')}")


@given(st.text())
def test_a_sealed_value_opens_unchanged(value: str) -> None:
    sealed = RING.seal(value, workspace_id="ws", name="A")
    assert sealed.key_id == "new"
    assert RING.open(sealed, workspace_id="ws", name="A") == value


def test_the_same_value_never_looks_the_same() -> None:
    seals = [RING.seal("x", workspace_id="ws", name="A") for _ in range(100)]
    assert len({sealed.nonce for sealed in seals}) == len({sealed.ciphertext for sealed in seals}) == 100


@pytest.mark.parametrize(("workspace", "name"), [("ws", "B"), ("other", "A"), ("w", "s\0A"), ("w", "sA")])
def test_a_value_cannot_be_decrypted_under_another_name(workspace: str, name: str) -> None:
    sealed = RING.seal("x", workspace_id="ws", name="A")
    with pytest.raises(Unavailable):
        RING.open(sealed, workspace_id=workspace, name=name)


def test_one_changed_bit_is_noticed() -> None:
    sealed = RING.seal("secret", workspace_id="ws", name="A")
    for position in range(len(sealed.ciphertext)):
        changed = bytearray(sealed.ciphertext)
        changed[position] ^= 1
        with pytest.raises(Unavailable):
            RING.open(replace(sealed, ciphertext=bytes(changed)), workspace_id="ws", name="A")


def test_every_key_of_the_ring_opens_and_the_first_one_seals() -> None:
    sealed = AesGcmKeyRing.parse(key("old")).seal("x", workspace_id="ws", name="A")
    assert RING.open(sealed, workspace_id="ws", name="A") == "x"
    with pytest.raises(Unavailable, match="old"):
        AesGcmKeyRing.parse(key("new")).open(sealed, workspace_id="ws", name="A")


def test_without_a_key_nothing_is_sealed() -> None:
    ring = AesGcmKeyRing.parse(" ")
    assert ring.active_key_id is None
    with pytest.raises(Unavailable, match="FLOWPORT_ENVIRONMENT_KEYS"):
        ring.seal("x", workspace_id="ws", name="A")


@pytest.mark.parametrize("text", ["k1", "k1:", key(""), "k1:AAAA", "k1:!!!", key("k1") + "!", f"{key('a')},b:short"])
def test_a_ring_that_cannot_be_read_is_refused_at_the_start_without_telling_it(text: str) -> None:
    with pytest.raises(ValueError, match="id:base64") as refused:
        DeploySettings(environment_keys=text)
    assert text not in str(refused.value)
