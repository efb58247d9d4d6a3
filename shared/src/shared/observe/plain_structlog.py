"""structlog without rich, which it imports wherever that is installed.

Services write plain tracebacks. Importing what rich draws them with takes an eighth of the CPU time of a service's
start.
"""

import sys

_rich = sys.modules.get("rich")
sys.modules["rich"] = None  # type: ignore[assignment]  # importing it now raises ImportError
try:
    import structlog
finally:
    if _rich is None:
        del sys.modules["rich"]
    else:
        sys.modules["rich"] = _rich

__all__ = ["structlog"]
