"""Fields shared by request and response bodies."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from gateway.http.bodies import Wire

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


RoleName = Literal["read", "write", "admin"]


class Done(Wire):
    success: Literal[True] = True
