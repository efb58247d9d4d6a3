"""Bodies of chats."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from gateway.access.models import MAX_PASSWORD, MIN_PASSWORD
from gateway.web.bodies import RequestBody, ResponseBody
from shared.contracts.chats import MAX_ALLOWED_EMAILS, Chat, ChatAccess, ChatAppearance, ChatOutput, ChatSettings

MAX_FILES = 15
AuthType = Literal["public", "password", "email"]
OTP_LIMIT = 20
Password = Field(None, min_length=MIN_PASSWORD, max_length=MAX_PASSWORD)


class LookBody(RequestBody):
    """Greeting of the page."""

    primary_color: str | None = Field(None, description="`#rrggbb` or `#rgb`")
    welcome_message: str | None = None
    image_url: str | None = Field(None, description="An https URL.")


class OutputBody(RequestBody):
    """Field whose text is the answer."""

    block_id: str = Field(min_length=1, max_length=200)
    path: str = Field("content", max_length=500)


class ChatChangeBody(RequestBody):
    """Changed settings; the others stay."""

    identifier: str | None = Field(None, description="Last part of the URL: lowercase letters, numbers, hyphens.")
    title: str | None = None
    description: str | None = None
    customizations: LookBody | None = None
    auth_type: AuthType | None = None
    password: str | None = Password
    allowed_emails: list[str] | None = Field(
        None,
        max_length=MAX_ALLOWED_EMAILS,
        description="Addresses that may enter with an emailed code: ada@example.com, or @example.com for a domain.",
    )
    output_configs: list[OutputBody] | None = None
    include_thinking: bool | None = None
    include_tool_calls: bool | None = None
    is_active: bool | None = Field(None, description="false closes the chat and keeps its address.")

    def changes(self) -> dict[str, Any]:
        """Return the given settings."""
        return dict(self._changes())

    def _changes(self) -> Iterator[tuple[str, Any]]:
        values = {name: value for name, value in self if value is not None}
        for name, field in _SETTING_OF.items():
            if name in values:
                yield field, values[name]
        if self.allowed_emails is not None:
            yield "allowed_emails", tuple(self.allowed_emails)
        if self.auth_type is not None:
            yield "access", ChatAccess(self.auth_type)
        if self.customizations is not None:
            yield "look", ChatAppearance(**self.customizations.model_dump())
        if self.output_configs is not None:
            yield "outputs", tuple(ChatOutput(output.block_id, output.path) for output in self.output_configs)


_SETTING_OF = {
    "identifier": "identifier",
    "title": "title",
    "description": "description",
    "include_thinking": "shows_thinking",
    "include_tool_calls": "shows_tools",
    "is_active": "is_active",
}


class ChatBody(ChatChangeBody):
    """Workflow and its chat settings."""

    workflow_id: str = Field(min_length=1, max_length=200)
    identifier: str
    title: str

    def settings(self) -> ChatSettings:
        """Return the stored form, without the password."""
        return ChatSettings(**self.changes())


class SentFile(RequestBody):
    """File from a visitor."""

    name: str = Field(max_length=500)
    type: str = Field("", max_length=200)
    size: int | None = None
    data: str = Field(description="A data: URL.")


class MessageBody(RequestBody):
    """Message from a visitor, or only the password."""

    input: str | None = Field(None, max_length=1_000_000)
    conversation_id: str | None = Field(None, min_length=1, max_length=128, description="Chosen by the page.")
    files: list[SentFile] = Field(default=[], max_length=MAX_FILES)
    password: str | None = Field(None, max_length=MAX_PASSWORD)
    email: str | None = Field(None, max_length=320, description="Verified by a code: see `/otp`.")

    @property
    def has_content(self) -> bool:
        """Return whether there is anything to answer."""
        return bool(self.input) or bool(self.files)

    @property
    def requests_access(self) -> bool:
        """Return whether the body only requests access."""
        return self.password is not None or self.email is not None

    def workflow_input(self, chat: Chat) -> dict[str, Any]:
        """Return the workflow's input.

        Conversation ids are scoped to the chat: a visitor who guesses another caller's id cannot join that
        conversation.
        """
        conversation = {} if self.conversation_id is None else {"conversationId": f"{chat.id}:{self.conversation_id}"}
        files = {"files": [file.model_dump(exclude_none=True) for file in self.files]} if self.files else {}
        return {"input": self.input or "", **conversation, **files}


class CodeRequest(RequestBody):
    """Address that a code is mailed to."""

    email: str = Field(max_length=320)


class CodeBody(CodeRequest):
    """Mailed code."""

    otp: str = Field(max_length=OTP_LIMIT, description="Six digits.")


class ChatCustomizations(ResponseBody):
    """Greeting of the page."""

    primary_color: str | None
    welcome_message: str | None
    image_url: str | None


class Output(ResponseBody):
    """Field whose text is the answer."""

    block_id: str
    path: str


class ChatConfig(ResponseBody):
    """Settings that a visitor may see."""

    id: str
    title: str
    description: str
    customizations: ChatCustomizations
    auth_type: AuthType
    output_configs: list[Output]


class ChatView(ChatConfig):
    """Settings that an author may see: all except secrets."""

    workflow_id: str
    identifier: str
    chat_url: str
    has_password: bool
    allowed_emails: list[str]
    include_thinking: bool
    include_tool_calls: bool
    is_active: bool


class ChatSaved(ResponseBody):
    """Result of publishing or changing a chat."""

    id: str
    chat_id: str
    chat_url: str
    message: str


class ChatStatus(ResponseBody):
    """Whether a workflow has a chat."""

    is_deployed: bool
    deployment: ChatView | None
    can_mail: bool = Field(description="Whether the gateway has a mail server: `email` access needs one.")


class Availability(ResponseBody):
    """Whether an address is available."""

    available: bool
    error: str | None = None


def config_of(chat: Chat) -> ChatConfig:
    """Present a chat to visitors."""
    return ChatConfig(**_config(chat))


def view_of(chat: Chat, base_url: str) -> ChatView:
    """Present a chat to its author."""
    settings = chat.settings
    return ChatView(
        **_config(chat),
        workflow_id=chat.workflow_id,
        identifier=settings.identifier,
        chat_url=url_of(chat, base_url),
        has_password=settings.password_hash is not None,
        allowed_emails=list(settings.allowed_emails),
        include_thinking=settings.shows_thinking,
        include_tool_calls=settings.shows_tools,
        is_active=settings.is_active,
    )


def url_of(chat: Chat, base_url: str) -> str:
    """Return the chat page's URL."""
    return f"{base_url}/chat/{chat.settings.identifier}"


def _config(chat: Chat) -> dict[str, Any]:
    settings, look = chat.settings, chat.settings.look
    return {
        "id": chat.id,
        "title": settings.title,
        "description": settings.description,
        "customizations": ChatCustomizations(
            primary_color=look.primary_color, welcome_message=look.welcome_message, image_url=look.image_url
        ),
        "auth_type": settings.access.value,
        "output_configs": [Output(block_id=output.block_id, path=output.path) for output in settings.outputs],
    }
