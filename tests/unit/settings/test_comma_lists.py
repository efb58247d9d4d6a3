"""Lists in settings."""

import pytest

from shared.settings import CommaList, CommonSettings


class Settings(CommonSettings):
    names: CommaList = ()


@pytest.mark.parametrize(("written", "read"), [("a,b", ("a", "b")), (" a , b ,", ("a", "b")), ("a", ("a",)), ("", ())])
def test_a_list_is_written_with_commas(monkeypatch: pytest.MonkeyPatch, written: str, read: tuple[str, ...]) -> None:
    monkeypatch.setenv("FLOWPORT_NAMES", written)
    assert Settings().names == read


def test_code_hands_in_tuples() -> None:
    assert Settings(names=("a", "b")).names == ("a", "b")
