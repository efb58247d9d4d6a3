"""Folder of an installation: credentials, keys, lock."""

import errno
import os
import shutil
import stat
from pathlib import Path

import msgspec
import pytest

from flowport import home
from flowport.home import Credentials, Home, HomeInUse, HomeNotWritable, Running
from shared.errors import Unavailable
from shared.security.aes_gcm import AesGcmKeyRing
from shared.security.sealed import Sealed

CREDENTIALS = Credentials("http://127.0.0.1:8080", "w1", "sk-sim-secret", "admin@example.org")


def test_credentials_are_stored(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert home.read_credentials() is None
    home.write_credentials(CREDENTIALS)
    assert home.read_credentials() == CREDENTIALS


def test_only_the_owner_can_read_secrets(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.credentials_file.touch(0o644)
    home.write_credentials(CREDENTIALS)
    home.sealing_keys()
    for name in ("credentials.json", "environment.key", "webhook.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_what_runs_is_known_while_it_runs(tmp_path: Path) -> None:
    home, other = Home(tmp_path), Home(tmp_path)
    assert other.read_running() is None
    running = Running("flowport up", 1, {"gateway": "http://127.0.0.1:1"}, "mongodb://x", "memory://flowport")
    with home.lock():
        with home.record_running(running):
            assert other.read_running() == running
            assert stat.S_IMODE((tmp_path / "running.json").stat().st_mode) == 0o600
        assert other.read_running() is None
    assert list(tmp_path.glob("running*")) == []


def test_what_ran_before_a_crash_is_not_running(tmp_path: Path) -> None:
    running = Running("flowport up", 1, {}, "mongodb://x", "memory://flowport")
    with Home(tmp_path).lock():
        pass
    (tmp_path / "running.json").write_bytes(msgspec.json.encode(running))
    assert Home(tmp_path).read_running() is None


def test_unreadable_credentials_are_ignored(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.credentials_file.write_text("{")
    assert home.read_credentials() is None


def test_an_unwritable_folder_is_named_with_a_fix(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeNotWritable, match=r"file/home .*with FLOWPORT_HOME="), Home(tmp_path / "file/home").lock():
        pass


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_later_write_error_is_named_with_a_fix(tmp_path: Path, number: int) -> None:
    with pytest.raises(HomeNotWritable, match=r"data/x \(.*with FLOWPORT_HOME="), Home(tmp_path).lock():
        raise OSError(number, os.strerror(number), str(tmp_path / "data/x"))


def test_an_error_outside_the_folder_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), Home(tmp_path).lock():
        raise PermissionError(errno.EACCES, "denied", "/opt/rabbitmq")


def test_a_nearly_full_disk_is_an_error_before_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "_MIN_FREE_BYTES", shutil.disk_usage(tmp_path).total + 1)
    with pytest.raises(HomeNotWritable, match="Free disk space"), Home(tmp_path).lock():
        pass


def test_a_folder_in_use_names_its_process(tmp_path: Path) -> None:
    with Home(tmp_path).lock(), pytest.raises(HomeInUse, match=str(os.getpid())), Home(tmp_path).lock():
        pass
    with Home(tmp_path).lock():
        pass


def test_sealing_keys_are_generated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    created = Home(tmp_path).sealing_keys()
    assert created.environment.startswith("1:")
    assert Home(tmp_path).sealing_keys() == created
    monkeypatch.setenv("FLOWPORT_ENVIRONMENT_KEYS", "the operator's")
    assert Home(tmp_path).sealing_keys() == ("the operator's", created.webhooks)
    monkeypatch.setenv("FLOWPORT_WEBHOOK_KEYS", "another of the operator's")
    assert Home(tmp_path).sealing_keys() == ("the operator's", "another of the operator's")


def sealed(keys: str, setting: str = "FLOWPORT_WEBHOOK_KEYS") -> Sealed:
    return AesGcmKeyRing.parse(keys, setting=setting).seal("s3cret", workspace_id="w1", name="webhook/s1")


def opened(keys: str, value: Sealed) -> str:
    ring = AesGcmKeyRing.parse(keys, setting="FLOWPORT_WEBHOOK_KEYS")
    return ring.open(value, workspace_id="w1", name="webhook/s1")


def test_webhook_and_environment_secrets_have_different_keys(tmp_path: Path) -> None:
    keys = Home(tmp_path).sealing_keys()
    for one, other in (keys, reversed(keys)):
        with pytest.raises(Unavailable):
            opened(one, sealed(other))


@pytest.mark.parametrize("is_operators", [False, True], ids=["generated key", "operator's key"])
def test_webhook_secrets_of_an_earlier_version_stay_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_operators: bool
) -> None:
    earlier = home.new_key()
    if is_operators:
        monkeypatch.setenv("FLOWPORT_ENVIRONMENT_KEYS", earlier)
        Home(tmp_path).write_credentials(CREDENTIALS)
    else:
        (tmp_path / "environment.key").write_text(earlier)
    for _ in range(2):
        keys = Home(tmp_path).sealing_keys()
        assert keys.environment == earlier
        assert opened(keys.webhooks, sealed(earlier)) == "s3cret"
        with pytest.raises(Unavailable):
            opened(earlier, sealed(keys.webhooks))  # the old key cannot open secrets of the new key
