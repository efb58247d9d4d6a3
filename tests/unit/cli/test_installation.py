"""Examples that `flowport up` deploys."""

from pathlib import Path

import pytest

from flowport.local.installation import find_examples


def test_the_examples_of_a_clone_are_found_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (find_examples() / "summarise.json").is_file()
