"""Validation of chat settings."""

import re
from typing import Final

import msgspec

from deploy_service.domain.validation import checked_name, checked_text, invalid
from shared.contracts.chats import (
    INVALID_IDENTIFIER,
    MAX_ALLOWED_EMAILS,
    ChatAccess,
    ChatAppearance,
    ChatOutput,
    ChatSettings,
)
from shared.email_addresses import normalize_email, normalize_email_domain

IDENTIFIER_LIMIT: Final = 100
TITLE_LIMIT: Final = 200
DESCRIPTION_LIMIT: Final = 2_000
WELCOME_LIMIT: Final = 2_000
OUTPUTS_LIMIT: Final = 50
RESERVED: Final = frozenset({"manage", "validate"})
"""Words that the API's paths use in the same position."""
HIDDEN: Final = frozenset({"toolCalls", "providerTiming"})
"""How an agent found its answer, which chat users must not see."""
_IDENTIFIER: Final = re.compile(r"[a-z0-9-]+")
_COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_SHORT_COLOR: Final = re.compile(r"#[0-9a-fA-F]{3}")
_BRAND_COLOR: Final = re.compile(r"var\(--brand-[a-z-]{1,50}\)")
"""Color that Sim's own client sends for the site operator's brand."""
_IMAGE: Final = re.compile(r"https://[^\s\"'<>]{1,2000}")


def checked_identifier(identifier: str) -> str:
    """Return the last segment of a chat's address. Raises InvalidRequest."""
    if not _IDENTIFIER.fullmatch(identifier) or len(identifier) > IDENTIFIER_LIMIT:
        raise invalid("identifier", INVALID_IDENTIFIER)
    if identifier in RESERVED:
        raise invalid("identifier", f"Identifier {identifier} is reserved. Choose another one.")
    return identifier


def checked_settings(settings: ChatSettings) -> ChatSettings:
    """Return `settings` with texts trimmed. Raises InvalidRequest."""
    if len(settings.outputs) > OUTPUTS_LIMIT:
        raise invalid("outputConfigs", f"A chat can show at most {OUTPUTS_LIMIT} outputs")
    return msgspec.structs.replace(
        _checked_access(settings),
        identifier=checked_identifier(settings.identifier),
        title=checked_name("title", settings.title, TITLE_LIMIT),
        description=checked_text("description", settings.description, DESCRIPTION_LIMIT),
        look=_checked_look(settings.look),
        outputs=tuple(map(_checked_output, settings.outputs)),
    )


def _checked_access(settings: ChatSettings) -> ChatSettings:
    """Return the settings with credentials for `access` only."""
    has_password, has_emails = settings.access is ChatAccess.PASSWORD, settings.access is ChatAccess.EMAIL
    if has_password and not settings.password_hash:
        raise invalid("password", "Password is required when using password protection")
    if has_emails and not settings.ticket_secret:
        raise invalid("authType", "Email access needs a ticket secret")
    return msgspec.structs.replace(
        settings,
        password_hash=settings.password_hash if has_password else None,
        allowed_emails=_checked_emails(settings.allowed_emails) if has_emails else (),
        ticket_secret=settings.ticket_secret if has_emails else None,
    )


def _checked_emails(given: tuple[str, ...]) -> tuple[str, ...]:
    if not given:
        raise invalid("allowedEmails", "Email access needs at least one address, or a domain like @example.com")
    if len(given) > MAX_ALLOWED_EMAILS:
        raise invalid("allowedEmails", f"A chat can allow at most {MAX_ALLOWED_EMAILS} addresses and domains")
    return tuple(dict.fromkeys(map(_checked_email, given)))


def _checked_email(text: str) -> str:
    allowed = normalize_email_domain(text) or normalize_email(text)
    if allowed is None:
        raise invalid("allowedEmails", f"{text[:100]!r} is neither an email address nor a domain like @example.com")
    return allowed


def _checked_look(look: ChatAppearance) -> ChatAppearance:
    if look.image_url is not None and not _IMAGE.fullmatch(look.image_url):
        raise invalid("customizations.imageUrl", "Image URL must be an https URL")
    checked_text("customizations.welcomeMessage", look.welcome_message or "", WELCOME_LIMIT)
    return msgspec.structs.replace(look, primary_color=_checked_color(look.primary_color))


def _checked_color(color: str | None) -> str | None:
    """Return the long form; None for the default color. Other values are refused: the page uses it in a style."""
    if color is None or _BRAND_COLOR.fullmatch(color):
        return None
    if _SHORT_COLOR.fullmatch(color):
        return "#" + "".join(digit * 2 for digit in color[1:])
    if not _COLOR.fullmatch(color):
        raise invalid("customizations.primaryColor", "customizations.primaryColor must be like #1d7f4e or #fff")
    return color


def _checked_output(output: ChatOutput) -> ChatOutput:
    path = output.path.strip() or "content"
    if path.partition(".")[0] in HIDDEN:
        raise invalid("outputConfigs", f"A chat cannot show {path}")
    return ChatOutput(output.block_id, path)
