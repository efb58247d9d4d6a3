"""The nightly dump uses MongoDB's own tools, as the page on backups documents, and never replaces a good one."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.support.manifests import ROOT, Object, named, of_kind, template_of

PAGE = (ROOT / "docs/operations/backup.md").read_text()


def pod() -> Object:
    spec: Object = template_of(named("backup", "CronJob", "backup"))["spec"]
    return spec


def container() -> Object:
    (found,) = pod()["containers"]
    return dict(found)


class Volume:
    """The folder of the dumps, and a mongodump that writes a given text or fails half-way."""

    def __init__(self, folder: Path, tools: Path) -> None:
        self.folder = folder
        self._tools = tools

    def dump(self, *, keep: str = "14", fails: bool = False) -> int:
        tool = self._tools / "mongodump"
        tool.write_text(f'#!/bin/sh\nfor last; do :; done\necho "$@" >"${{last#--archive=}}"\nexit {int(fails)}\n')
        tool.chmod(0o755)
        (script,) = container()["args"]
        assert script.startswith("cd /backup\n")
        return subprocess.run(
            [*container()["command"], script.replace("/backup", str(self.folder), 1)],
            env={"PATH": f"{self._tools}:{os.environ['PATH']}", "MONGODB_URI": "mongodb://backup@host", "KEEP": keep},
            timeout=30,
            check=False,
        ).returncode

    @property
    def files(self) -> list[str]:
        return sorted(file.name for file in self.folder.iterdir())


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    (tmp_path / "kept").mkdir()
    (tmp_path / "tools").mkdir()
    return Volume(tmp_path / "kept", tmp_path / "tools")


def test_a_dump_follows_the_documentation(volume: Volume) -> None:
    assert volume.dump() == 0
    (made,) = volume.files
    assert re.fullmatch(r"flowport-\d{4}-\d\d-\d\dT\d{6}Z\.gz", made)
    (written,) = re.findall(r"^mongodump (.+) --archive=", PAGE, re.MULTILINE)
    content = (volume.folder / made).read_text()
    assert content.startswith(written.replace('"$MONGODB_URI"', "mongodb://backup@host"))


def test_the_newest_dumps_are_kept_and_foreign_files_stay(volume: Volume) -> None:
    for name in ("flowport-2026-01-01T021700Z.gz", "flowport-2026-01-02T021700Z.gz", "theirs.gz"):
        (volume.folder / name).touch()
    assert volume.dump(keep="2") == 0
    old, new, theirs = volume.files
    assert (old, theirs) == ("flowport-2026-01-02T021700Z.gz", "theirs.gz")
    assert new > old


def test_a_failed_dump_is_reported_and_deletes_no_other(volume: Volume) -> None:
    (volume.folder / "flowport-2026-01-01T021700Z.gz").touch()
    assert volume.dump(keep="1", fails=True) != 0
    assert "flowport-2026-01-01T021700Z.gz" in volume.files
    assert volume.dump() == 0
    assert not [name for name in volume.files if name.endswith(".part")]


def test_it_comes_as_the_user_that_may_only_read_by_the_way_that_is_open_to_it() -> None:
    uri, _ = container()["env"]
    assert uri["valueFrom"]["secretKeyRef"] == {"name": "flowport-urls", "key": "mongodb-backup"}
    label = template_of(named("backup", "CronJob", "backup"))["metadata"]["labels"]["app.kubernetes.io/name"]
    egress = named("backup", "NetworkPolicy", "backup")["spec"]
    assert egress["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": label}}


def test_its_tools_are_those_of_the_server_that_it_dumps() -> None:
    (mongodb,) = of_kind("backup", "MongoDBCommunity")
    assert container()["image"] == f"mongo:{mongodb['spec']['version']}"


def test_it_conforms_to_restricted_pod_security() -> None:
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    allowed = {"name", "emptyDir", "persistentVolumeClaim"}
    assert all(set(volume) <= allowed for volume in pod()["volumes"])


def test_no_dump_runs_without_the_component() -> None:
    assert {found["metadata"]["name"] for found in of_kind("production", "CronJob")} == {"doctor"}
