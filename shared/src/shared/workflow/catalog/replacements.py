"""API calls that replace Sim's blocks for other services."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.workflow.format.js_values import Json, JsonObject

_VERSION: Final = re.compile(r"_v[0-9]{1,3}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """An API block that replaces a block of Sim.

    `$name` in the URL and the body stands for that setting of the replaced block, or the first of several: `$a|b`.
    """

    title: str
    url: str
    secret: str
    """Name of the environment value with the token."""
    body: Json
    authorization: str = "Bearer {{SECRET}}"
    headers: Mapping[str, str] = field(default_factory=dict)
    operations: frozenset[str] = frozenset()
    """Values of `operation` that it replaces; a block without one is replaced, too."""

    @property
    def sentence(self) -> str:
        """Return what the author has to do."""
        return f"replace it with an API block: POST {_shown(self.url)}, with the secret {{{{{self.secret}}}}}"

    def applies_to(self, operation: Json) -> bool:
        """Return whether it does what the replaced block does."""
        return operation in (None, "") or operation in self.operations

    def settings(self, values: JsonObject) -> JsonObject:
        """Return the settings of the API block, filled from those of the replaced block."""
        secret = f"{{{{{self.secret}}}}}"
        headers: JsonObject = {**self.headers}
        if self.authorization:
            headers = {"Authorization": self.authorization.replace("{{SECRET}}", secret), **headers}
        return {
            "method": "POST",
            "url": str(_filled(self.url.replace("{{SECRET}}", secret), values)),
            "headers": headers,
            "body": _filled(self.body, values),
        }


_SETTING: Final = re.compile(r"\$(?P<names>[A-Za-z]+(?:\|[A-Za-z]+)*)")


def _filled(template: Json, values: JsonObject) -> Json:
    if isinstance(template, dict):
        return {key: _filled(item, values) for key, item in template.items()}
    if isinstance(template, list):
        return [_filled(item, values) for item in template]
    if not isinstance(template, str):
        return template
    if whole := _SETTING.fullmatch(template):
        return _value(whole["names"], values)
    return _SETTING.sub(lambda match: str(_value(match["names"], values)), template)


def _value(names: str, values: JsonObject) -> Json:
    given = (values.get(name) for name in names.split("|"))
    return next((value for value in given if value not in (None, "")), f"TODO-{names.split('|', maxsplit=1)[0]}")


def _shown(url: str) -> str:
    return _SETTING.sub(lambda match: "{" + match["names"].split("|")[0] + "}", url)


_NOTION: Final[Json] = {
    "parent": {"page_id": "$parentId"},
    "properties": {"title": [{"text": {"content": "$title"}}]},
    "children": [{"paragraph": {"rich_text": [{"text": {"content": "$content"}}]}}],
}
_LINEAR: Final[Json] = {
    "query": "mutation($input: IssueCreateInput!) { issueCreate(input: $input) { issue { id url } } }",
    "variables": {"input": {"teamId": "$teamId|manualTeamId", "title": "$title", "description": "$description"}},
}
REPLACEMENTS: Final[Mapping[str, Replacement]] = {
    "slack": Replacement(
        title="Slack message",
        url="https://slack.com/api/chat.postMessage",
        secret="SLACK_TOKEN",  # noqa: S106 - a name
        body={"channel": "$channel|manualChannel", "text": "$text"},
        operations=frozenset({"send", "slack_message"}),
    ),
    "github": Replacement(
        title="GitHub issue",
        url="https://api.github.com/repos/$owner/$repo/issues",
        secret="GITHUB_TOKEN",  # noqa: S106 - a name
        body={"title": "$title", "body": "$body"},
        headers={"Accept": "application/vnd.github+json"},
        operations=frozenset({"github_create_issue", "github_issue_create"}),
    ),
    "gmail": Replacement(
        title="Gmail message",
        url="https://gmail.googleapis.com/upload/gmail/v1/users/me/messages/send?uploadType=media",
        secret="GMAIL_TOKEN",  # noqa: S106 - a name
        body="To: $to\nSubject: $subject\nContent-Type: text/plain; charset=utf-8\n\n$body",
        headers={"Content-Type": "message/rfc822"},
        operations=frozenset({"send", "send_gmail"}),
    ),
    "google_sheets": Replacement(
        title="Google Sheets row",
        url="https://sheets.googleapis.com/v4/spreadsheets/$spreadsheetId|manualSpreadsheetId/values/"
        "$sheetName|manualSheetName:append?valueInputOption=USER_ENTERED",
        secret="GOOGLE_TOKEN",  # noqa: S106 - a name
        body={"values": "$values"},
        operations=frozenset({"append"}),
    ),
    "notion": Replacement(
        title="Notion page",
        url="https://api.notion.com/v1/pages",
        secret="NOTION_TOKEN",  # noqa: S106 - a name
        body=_NOTION,
        headers={"Notion-Version": "2022-06-28"},
        operations=frozenset({"notion_create_page"}),
    ),
    "linear": Replacement(
        title="Linear issue",
        url="https://api.linear.app/graphql",
        secret="LINEAR_API_KEY",  # noqa: S106 - a name
        body=_LINEAR,
        authorization="{{SECRET}}",
        operations=frozenset({"write", "linear_create_issue"}),
    ),
    "airtable": Replacement(
        title="Airtable row",
        url="https://api.airtable.com/v0/$baseId/$tableId",
        secret="AIRTABLE_TOKEN",  # noqa: S106 - a name
        body={"records": "$records"},
        operations=frozenset({"create"}),
    ),
    "hubspot": Replacement(
        title="HubSpot contact",
        url="https://api.hubapi.com/crm/v3/objects/contacts",
        secret="HUBSPOT_TOKEN",  # noqa: S106 - a name
        body={"properties": "$properties|propertiesToSet"},
        operations=frozenset({"create_contact"}),
    ),
    "telegram": Replacement(
        title="Telegram message",
        url="https://api.telegram.org/bot{{SECRET}}/sendMessage",
        secret="TELEGRAM_BOT_TOKEN",  # noqa: S106 - a name
        body={"chat_id": "$chatId", "text": "$text"},
        authorization="",
        operations=frozenset({"telegram_message"}),
    ),
    "discord": Replacement(
        title="Discord message",
        url="https://discord.com/api/v10/channels/$channelId/messages",
        secret="DISCORD_BOT_TOKEN",  # noqa: S106 - a name
        body={"content": "$content"},
        authorization="Bot {{SECRET}}",
        operations=frozenset({"discord_send_message"}),
    ),
}


def base_type(block_type: str) -> str:
    """Return a block type without its version: `gmail` for `gmail_v2`."""
    return _VERSION.sub("", block_type)


def replacement_for(block_type: str) -> Replacement | None:
    """Return the API call that replaces a block type of Sim, if one is known."""
    return REPLACEMENTS.get(base_type(block_type))
