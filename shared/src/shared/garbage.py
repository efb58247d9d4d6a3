"""What the garbage collector need not look at."""

import gc


def spare_what_stays() -> None:
    """Leave all objects that there are now out of full collections: they live as long as the process.

    A service has more than 100,000 of them after its start. To look through them all took 100 ms, in which no caller
    was served.
    """
    gc.collect()
    gc.freeze()
