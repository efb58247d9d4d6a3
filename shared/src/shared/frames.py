"""The frames that an error has passed."""

from typing import TypeVar

E = TypeVar("E", bound=BaseException)


def forget_frames(error: BaseException) -> None:
    """Let go of the frames of `error`, and of those of all that it came from: whoever has heard of it needs none.

    They hold all that was in hand when it was raised. Where one of them holds the error too, as those of many a library
    do that makes one error of another, all of that would stay in memory until a collection.
    """
    seen: set[int] = set()
    rest: list[BaseException | None] = [error]
    while rest:
        each = rest.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.__traceback__ = None
        rest += (each.__cause__, each.__context__)
        if isinstance(each, BaseExceptionGroup):
            rest += each.exceptions


def unraised(error: E) -> E:
    """The same error, as if it had not been raised yet: to be kept, or raised again, without the frames of `error`.

    Not as `copy` does it, which calls the class with the arguments of the error: ours may take others.
    """
    again = type(error).__new__(type(error), *error.args)
    again.__dict__.update(error.__dict__)
    return again
