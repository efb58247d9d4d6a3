"""A chat, from its address to the model and back: over HTTP, and in a browser on a phone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from playwright.async_api import Page, ViewportSize, async_playwright, expect
from tests.support.browser import CHROMIUM
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.mail_server import MailServer, code_in
from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import Frames, PublicApi
from tests.support.workflow_files import START, agent, start, workflow

from flowport.local.stack import Stack
from shared.ids import new_id

PHONE: ViewportSize = {"width": 390, "height": 760}

expect.set_options(timeout=PATIENCE_SECONDS * 1000)


async def publish(api: PublicApi, model: str, **changes: Any) -> str:
    """Publish a chat with an agent that remembers; return its identifier."""
    friend = agent(
        "a1", f"vllm/{model}", "<start.input>", memoryType="conversation", conversationId="<start.conversationId>"
    )
    workflow_id = await api.publish(workflow(model, [start(), friend], (START, "a1")))
    identifier = f"{model}-{new_id()[:8]}"
    body = {"workflowId": workflow_id, "identifier": identifier, "title": "Ask Ada", "authType": "public", **changes}
    answer = await api.http.post("/api/chat", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["chatUrl"].endswith(f"/chat/{identifier}")
    return identifier


@pytest.fixture
async def visitor(stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    """A visitor without a key, with a cookie jar."""
    async with httpx2.AsyncClient(base_url=stack.url, timeout=30) as http:
        yield http


async def send_message(http: httpx2.AsyncClient, identifier: str, text: str, conversation: str) -> str:
    """Return the text of the answer."""
    body = {"input": text, "conversationId": conversation}
    async with http.stream("POST", f"/api/chat/{identifier}", json=body) as answer:
        assert answer.status_code == 200, await answer.aread()
        frames = await Frames(answer).rest()
    assert frames[-1] == "[DONE]"
    return "".join(frame.get("chunk", "") for frame in frames[:-1])


async def test_a_conversation_is_remembered_and_is_the_chats_own(
    api: PublicApi, models: ModelServer, visitor: httpx2.AsyncClient
) -> None:
    models.answer("host", Reply.says("Hello Ada."), Reply.says("You are Ada."), Reply.says("Who?"))
    identifier = await publish(api, "host")
    assert await send_message(visitor, identifier, "I am Ada.", "c1") == "Hello Ada."
    assert await send_message(visitor, identifier, "Who am I?", "c1") == "You are Ada."
    contents = [message["content"] for message in models.calls_of("host")[-1].messages]
    assert contents == ["I am Ada.", "Hello Ada.", "Who am I?"]
    workflow_id = (await api.http.get(f"/api/chat/{identifier}")).json()["id"]
    found = (await api.http.get(f"/api/chat/manage/{workflow_id}")).json()
    await api.run(found["workflowId"], {"input": "And I?", "conversationId": "c1"})
    assert len(models.calls_of("host")[-1].messages) == 1, "a caller with a key has conversations of its own"


async def test_a_password_opens_it(api: PublicApi, models: ModelServer, visitor: httpx2.AsyncClient) -> None:
    models.answer("guarded", Reply.says("Come in."))
    identifier = await publish(api, "guarded", authType="password", password="open sesame")
    path = f"/api/chat/{identifier}"
    assert (await visitor.get(path)).json()["error"] == "auth_required_password"
    assert (await visitor.post(path, json={"password": "wrong"})).status_code == 401
    assert (await visitor.post(path, json={"password": "open sesame"})).json()["title"] == "Ask Ada"
    assert await send_message(visitor, identifier, "Hello?", "c1") == "Come in."


async def test_a_code_by_mail_opens_it(
    api: PublicApi, models: ModelServer, visitor: httpx2.AsyncClient, mails: MailServer
) -> None:
    models.answer("invited", Reply.says("Welcome, Ada."))
    identifier = await publish(api, "invited", authType="email", allowedEmails=["ada@example.com"])
    path = f"/api/chat/{identifier}"
    assert (await visitor.get(path)).json()["error"] == "auth_required_email"
    for email in ("eve@example.com", "ada@example.com"):
        assert (await visitor.post(f"{path}/otp", json={"email": email})).status_code == 200
    mail = await asyncio.to_thread(mails.next)
    assert mail["To"] == "ada@example.com", "the stranger, who asked first, gets none"
    code = {"email": "ada@example.com", "otp": code_in(mail["Subject"])}
    assert (await visitor.put(f"{path}/otp", json={**code, "otp": "nope"})).status_code == 401
    assert (await visitor.put(f"{path}/otp", json=code)).json()["title"] == "Ask Ada"
    assert await send_message(visitor, identifier, "Hello?", "c1") == "Welcome, Ada."
    assert (await visitor.put(f"{path}/otp", json=code)).status_code == 401
    assert mails.is_empty


@asynccontextmanager
async def page_of(stack: Stack, identifier: str, **options: Any) -> AsyncIterator[Page]:
    """The chat's page in a separate browser; unexpected errors in it fail the test."""
    wrong: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(base_url=stack.url, viewport=PHONE, reduced_motion="reduce", **options)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if "Security Policy" in message.text else None)
        await page.goto(f"/chat/{identifier}")
        yield page
        await browser.close()
    assert wrong == []


async def test_people_talk_on_a_phone(stack: Stack, api: PublicApi, models: ModelServer) -> None:
    models.answer("pocket", Reply.says("Use **this**:\n\n```\n<b>text</b>\n```\n\nGood luck."), Reply.says("Bye."))
    look = {"primaryColor": "#ffd166", "welcomeMessage": "Hi! What can I do?"}
    identifier = await publish(api, "pocket", customizations=look)
    async with page_of(stack, identifier, has_touch=True, is_mobile=True) as page:
        await expect(page.get_by_role("heading", name="Ask Ada")).to_be_visible()
        await expect(page.get_by_text("Hi! What can I do?")).to_be_visible()
        await page.get_by_label("Message").fill("How?")
        await page.get_by_role("button", name="Send").tap()
        await expect(page.get_by_text("Good luck.")).to_be_visible()
        await expect(page.locator("strong")).to_have_text("this")
        await expect(page.locator("pre code")).to_have_text("<b>text</b>")
        await page.get_by_label("Message").fill("Thanks")
        await page.get_by_label("Message").press("Enter")
        await expect(page.get_by_text("Bye.")).to_be_visible()
        assert len(models.calls_of("pocket")[-1].messages) == 3, "the page goes on with its conversation"
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.get_by_role("button", name="New chat").tap()
        await expect(page.get_by_text("Bye.")).to_have_count(0)


async def test_the_page_requires_the_password(stack: Stack, api: PublicApi, models: ModelServer) -> None:
    models.answer("door", Reply.says("You found me."))
    identifier = await publish(api, "door", authType="password", password="open sesame")
    async with page_of(stack, identifier) as page:
        for password in ("guess work", "open sesame"):
            await page.get_by_label("Password").fill(password)
            await page.get_by_role("button", name="Continue").click()
            if password != "open sesame":
                await expect(page.get_by_role("alert").filter(has_text="Invalid password")).to_be_visible()
        await page.get_by_label("Message").fill("Hello")
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_text("You found me.")).to_be_visible()
        await page.reload()
        await expect(page.get_by_label("Message")).to_be_visible()
    async with page_of(stack, "no-such-chat") as page:
        await expect(page.get_by_text("Chat not found")).to_be_visible()


async def test_a_message_that_was_not_taken_need_not_be_written_again(
    stack: Stack, api: PublicApi, models: ModelServer
) -> None:
    models.answer("patience", Reply.says("Now I heard you."))
    identifier = await publish(api, "patience", authType="password", password="open sesame")
    async with page_of(stack, identifier) as page:

        async def enter() -> None:
            await page.get_by_label("Password").fill("open sesame")
            await page.get_by_role("button", name="Continue").click()
            await expect(page.get_by_label("Message")).to_be_visible()

        await enter()
        await page.context.clear_cookies()
        await page.get_by_label("Message").fill("A long story")
        await page.get_by_label("Message").press("Enter")
        await enter()
        await expect(page.get_by_label("Message")).to_have_value("A long story")
        await page.route(f"**/api/chat/{identifier}", lambda route: route.abort("connectionrefused"))
        await page.get_by_label("Message").press("Enter")
        await expect(page.get_by_text("The connection was lost. Try again.")).to_be_visible()
        await expect(page.get_by_label("Message")).to_have_value("A long story")
        await page.unroute(f"**/api/chat/{identifier}")
        await page.get_by_label("Message").press("Enter")
        await expect(page.get_by_text("Now I heard you.")).to_be_visible()
        await expect(page.get_by_text("A long story")).to_have_count(1)


async def test_the_page_requires_an_address_and_its_code(
    stack: Stack, api: PublicApi, models: ModelServer, mails: MailServer
) -> None:
    models.answer("guests", Reply.says("Good to see you."))
    identifier = await publish(api, "guests", authType="email", allowedEmails=["@guests.example"])
    async with page_of(stack, identifier) as page:
        await page.get_by_label("Your email address").fill("mia@guests.example")
        await page.get_by_role("button", name="Send code").click()
        await expect(page.get_by_text("mia@guests.example")).to_be_visible()
        code = code_in((await asyncio.to_thread(mails.next)).get_content())
        for attempt in (code[::-1] if code != code[::-1] else "000000", code):
            await page.get_by_label("Code", exact=True).fill(attempt)
            await page.get_by_role("button", name="Continue").click()
            if attempt != code:
                await expect(page.get_by_role("alert").filter(has_text="Invalid or expired code")).to_be_visible()
        await page.get_by_label("Message").fill("Hello")
        await page.get_by_role("button", name="Send", exact=True).click()
        await expect(page.get_by_text("Good to see you.")).to_be_visible()
        await page.reload()
        await expect(page.get_by_label("Message")).to_be_visible()
