"""Release the frames in an error's traceback."""

from typing import TypeVar

E = TypeVar("E", bound=BaseException)


def clear_tracebacks(error: BaseException) -> None:
    """Clear the frames of `error` and of its causes, once it is handled.

    Frames hold all local variables from when it was raised. If one also refers to the error, as in many libraries that
    convert errors, all of it would stay in memory until garbage collection.
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


def without_traceback(error: E) -> E:
    """Return a copy of `error` without its frames, to store or raise again.

    `copy` would call the class with the error's arguments: ours may take others.
    """
    again = type(error).__new__(type(error), *error.args)
    again.__dict__.update(error.__dict__)
    return again
