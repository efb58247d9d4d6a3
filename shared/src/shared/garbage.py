"""How often the garbage collector looks, and at what."""

import gc
from typing import Final

MORE_OBJECTS: Final = 50_000
"""So many more than there were make it look. With 2,000, as Python has it, that took a twentieth of the processor time
and stopped a service with many callers for up to 57 ms. What a run, a call or a closed connection leaves behind goes
without it: there are tests that run without collections.
"""


def collect_seldom() -> None:
    """Look seldom from now on, and never at the objects that there are now: they live as long as the process.

    A service has more than 100,000 of them after its start. To look through them all took 100 ms, in which no caller
    was served.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(MORE_OBJECTS)
