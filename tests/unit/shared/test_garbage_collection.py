"""Startup work runs without garbage collections, and the process collects again afterwards."""

import gc

import pytest

from shared.garbage_collection import no_collections


def test_nothing_is_collected_inside_the_block_and_its_objects_are_exempt_later() -> None:
    with no_collections():
        assert not gc.isenabled()
        created: list[object] = [object()]
    assert gc.isenabled()
    assert all(each is not created for each in gc.get_objects())


def test_a_failing_start_collects_again() -> None:
    with pytest.raises(ImportError), no_collections():
        raise ImportError
    assert gc.isenabled()
