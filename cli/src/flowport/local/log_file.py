"""Log file of a process whose terminal shows messages for users."""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from shared.observe.logging import configure_logging
from shared.settings import CommonSettings, load_settings

MAX_BYTES: Final = 20 * 1024 * 1024
BACKUP_FILES: Final = 4


def log_to_file(path: Path) -> None:
    """Send this process's logs to a rotating file."""
    settings = load_settings(CommonSettings)
    configure_logging(level=settings.log_level, form=settings.log_format)
    file = RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=BACKUP_FILES, encoding="utf-8")
    root = logging.getLogger()
    for handler in list(root.handlers):
        file.setFormatter(handler.formatter)
        root.removeHandler(handler)
    root.addHandler(file)
