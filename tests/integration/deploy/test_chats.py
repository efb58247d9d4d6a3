"""Chats: an address leads to one workflow, a workflow has one address."""

import msgspec
import pytest
from tests.support.deploy import DeployCaller, at, state

from shared.contracts.chats import Chat, ChatAccess, ChatAppearance, ChatLookup, ChatOutput, ChatSettings, CreateChat
from shared.errors import Conflict, FlowportError, InvalidRequest, NotFound
from shared.store.client import Store

SETTINGS = ChatSettings(identifier="help-desk", title=" Help ", outputs=(ChatOutput("fn", ""),))


async def publish(gateway: DeployCaller, settings: ChatSettings = SETTINGS, workflow_id: str = "") -> Chat:
    found = workflow_id or (await gateway.create(state())).id
    return await gateway.http.call("POST", "/internal/chats", body=CreateChat("ws", found, settings), returns=Chat)


async def look(gateway: DeployCaller, identifier: str) -> Chat | None:
    return (await gateway.http.call("GET", f"/internal/chats/at/{identifier}", returns=ChatLookup)).chat


async def test_a_chat_is_found_by_its_address_its_workflow_and_its_id(gateway: DeployCaller) -> None:
    chat = await publish(gateway)
    assert chat.settings.title == "Help"
    assert chat.settings.outputs == (ChatOutput("fn", "content"),)
    assert await look(gateway, "help-desk") == chat
    assert await look(gateway, "elsewhere") is None
    of = await gateway.http.call("GET", at(chat.workflow_id, "chat"), returns=ChatLookup)
    assert of.chat == chat
    foreign = await gateway.http.call("GET", at(chat.workflow_id, "chat", "other"), returns=ChatLookup)
    assert foreign.chat is None
    assert await gateway.http.call("GET", f"/internal/chats/{chat.id}", returns=Chat) == chat


async def test_an_address_and_a_workflow_are_given_once(gateway: DeployCaller) -> None:
    chat = await publish(gateway)
    with pytest.raises(Conflict, match="Identifier already in use"):
        await publish(gateway)
    with pytest.raises(Conflict, match="already has a chat"):
        await publish(gateway, ChatSettings(identifier="second", title="T"), chat.workflow_id)
    second = await publish(gateway, ChatSettings(identifier="second", title="T"))
    with pytest.raises(Conflict, match="Identifier already in use"):
        await gateway.http.call("PUT", f"/internal/chats/{second.id}", body=SETTINGS, returns=Chat)


async def test_settings_are_replaced_and_a_public_chat_forgets_its_password(gateway: DeployCaller) -> None:
    secret = ChatSettings(identifier="secret", title="T", access=ChatAccess.PASSWORD, password_hash="hash")
    chat = await publish(gateway, secret)
    changed = ChatSettings(
        identifier="open", title="T", password_hash="hash", look=ChatAppearance(primary_color="#00ff00")
    )
    saved = await gateway.http.call("PUT", f"/internal/chats/{chat.id}", body=changed, returns=Chat)
    assert saved.settings.password_hash is None
    assert await look(gateway, "secret") is None
    assert await look(gateway, "open") == saved


async def test_concurrently_changed_settings_are_not_overwritten_unseen(gateway: DeployCaller) -> None:
    chat = await publish(gateway)
    path = f"/internal/chats/{chat.id}?expected_revision={chat.revision}"
    closed = msgspec.structs.replace(chat.settings, is_active=False)
    saved = await gateway.http.call("PUT", path, body=closed, returns=Chat)
    with pytest.raises(Conflict, match="has changed since"):
        await gateway.http.call("PUT", path, body=chat.settings, returns=Chat)
    assert await look(gateway, "help-desk") == saved


async def test_a_chat_of_an_earlier_version_without_a_revision_can_be_changed(
    gateway: DeployCaller, mongodb_uri: str, mongodb_prefix: str
) -> None:
    chat = await publish(gateway)
    store = Store(mongodb_uri, f"{mongodb_prefix}_deploy")
    await store.collection("chats").update_one({"_id": chat.id}, {"$unset": {"revision": 1}})
    await store.stop()
    path = f"/internal/chats/{chat.id}?expected_revision=1"
    saved = await gateway.http.call("PUT", path, body=SETTINGS, returns=Chat)
    assert saved.revision == 2
    assert await look(gateway, "help-desk") == saved


async def test_the_guest_list_is_stored_normalized_and_deleted_with_the_access_type(gateway: DeployCaller) -> None:
    invited = ChatSettings(
        identifier="invited",
        title="T",
        access=ChatAccess.EMAIL,
        allowed_emails=(" Ada@Example.com", "@ACME.test", "ada@example.com"),
        ticket_secret="secret",
    )
    chat = await publish(gateway, invited)
    assert chat.settings.allowed_emails == ("ada@example.com", "@acme.test")
    assert await look(gateway, "invited") == chat
    opened = msgspec.structs.replace(chat.settings, access=ChatAccess.PUBLIC)
    saved = await gateway.http.call("PUT", f"/internal/chats/{chat.id}", body=opened, returns=Chat)
    assert (saved.settings.allowed_emails, saved.settings.ticket_secret) == ((), None)


async def test_an_address_is_free_after_its_chat_or_workflow_is_deleted(gateway: DeployCaller) -> None:
    chat = await publish(gateway)
    await gateway.http.call("DELETE", f"/internal/chats/{chat.id}")
    again = await publish(gateway)
    await gateway.http.call("DELETE", at(again.workflow_id))
    assert await look(gateway, "help-desk") is None
    with pytest.raises(NotFound):
        await publish(gateway, SETTINGS, again.workflow_id)


@pytest.mark.parametrize(
    "wrong",
    [
        ChatSettings(identifier="Upper", title="T"),
        ChatSettings(identifier="manage", title="T"),
        ChatSettings(identifier="x" * 101, title="T"),
        ChatSettings(identifier="ok", title=" "),
        ChatSettings(identifier="ok", title="T", access=ChatAccess.PASSWORD),
        ChatSettings(identifier="ok", title="T", access=ChatAccess.EMAIL, ticket_secret="s"),
        ChatSettings(identifier="ok", title="T", access=ChatAccess.EMAIL, allowed_emails=("a@b.example",)),
        *(
            ChatSettings(
                identifier="ok",
                title="T",
                access=ChatAccess.EMAIL,
                ticket_secret="s",
                allowed_emails=("a@b.example", it),
            )
            for it in ("", "ada", "@", "@localhost", "ada@\u212aelvin.example", "a@b@c.example", "<a@b.example>")
        ),
        ChatSettings(identifier="ok", title="T", look=ChatAppearance(image_url="javascript:alert(1)")),
        ChatSettings(identifier="ok", title="T", outputs=(ChatOutput("a", "toolCalls.list"),)),
    ],
)
async def test_settings_out_of_order_are_refused(gateway: DeployCaller, wrong: ChatSettings) -> None:
    with pytest.raises(InvalidRequest):
        await publish(gateway, wrong)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("#1d7F4e", "#1d7F4e"),
        ("#fff", "#ffffff"),
        ("#1aF", "#11aaFF"),
        ("var(--brand-primary-hover-hex)", None),
        (None, None),
    ],
)
async def test_a_color_is_stored_in_its_long_form(gateway: DeployCaller, given: str | None, kept: str | None) -> None:
    chat = await publish(gateway, ChatSettings(identifier="ok", title="T", look=ChatAppearance(primary_color=given)))
    assert chat.settings.look.primary_color == kept


@pytest.mark.parametrize(
    "wrong", ["", "red", "red;}", "#ffff", "#fff;}", "#ffffff\n", "var(--brand-a);}", "var(--x)", "url(//evil.example)"]
)
async def test_an_invalid_color_is_refused_by_its_name(gateway: DeployCaller, wrong: str) -> None:
    with pytest.raises(InvalidRequest, match="primaryColor must be like"):
        await publish(gateway, ChatSettings(identifier="ok", title="T", look=ChatAppearance(primary_color=wrong)))


async def test_only_the_gateway_may_ask(executor: DeployCaller) -> None:
    with pytest.raises(FlowportError):
        await look(executor, "help-desk")
