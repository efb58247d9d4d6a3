"""The frames that an error has passed."""


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
