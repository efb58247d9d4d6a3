"""structlog leaves rich alone, whose import takes an eighth of the CPU time of a service's start."""

from importlib import import_module

import structlog


def test_structlog_does_not_use_rich_and_others_can() -> None:
    assert vars(structlog.dev)["rich"] is None
    assert import_module("rich").__name__ == "rich"
