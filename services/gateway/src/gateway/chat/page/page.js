// Conversation with a chat. Answers are Markdown, which markdown.js renders as elements of an allow-list; all other text from
// the server is set as text, never as markup.
const identifier = location.pathname.split("/").pop();
const address = `/api/chat/${identifier}`;
const element = (id) => document.getElementById(id);
const MAX_FILES = 15;
const MAX_FILES_BYTES = 7 * 1024 * 1024; // base64-encoded, they must fit into a request of 10 MiB
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
let conversationId = newId();
let config = null;
let files = [];
let answering = null;
let email = "";
const gates = Object.fromEntries([...document.querySelectorAll("[data-gate]")].map((gate) => [gate.dataset.gate, gate]));

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function send(method, path, body, signal) {
  const headers = { "Content-Type": "application/json", "X-Sim-Stream-Protocol": "agent-events-v1" };
  return fetch(path, { method, headers, body: JSON.stringify(body), signal });
}

async function reason(answer) {
  const body = await answer.json().catch(() => ({}));
  const seconds = answer.headers.get("Retry-After");
  const message = body.error ?? `The server returned status ${answer.status}.`;
  return seconds ? `${message.replace(/\.?$/, ".")} Try again in ${seconds} s.` : message;
}

// The renderer is built with the console. Without it, answers are shown as plain text.
class PlainText {
  constructor(target) {
    this.target = target;
    target.classList.add("plain");
  }
  append(text) {
    this.target.append(text);
  }
  clear() {
    this.target.replaceChildren();
  }
  draw() {}
  finish() {}
}
const { Markdown } = await import("./markdown.js").catch(() => ({ Markdown: PlainText }));

function follow(work) {
  const messages = element("messages");
  const isAtEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 80;
  work();
  if (isAtEnd) messages.scrollTop = messages.scrollHeight;
}

class Answer {
  texts = new Map(); // by block
  views = new Map();
  thoughts = "";
  frame = 0;

  constructor() {
    this.shown = make("div", "message waiting");
    this.thinking = make("details");
    this.thinking.hidden = true;
    this.thought = make("span");
    this.thinking.append(make("summary", "", "Thinking"), this.thought);
    this.doing = make("p", "doing");
    this.doing.hidden = true;
    this.body = make("div");
    this.shown.append(this.thinking, this.doing, this.body);
    follow(() => element("messages").append(this.shown));
  }

  take(frame) {
    if (frame === "[DONE]") return;
    if (typeof frame.chunk === "string") this.write(frame.blockId, frame.chunk);
    else if (frame.event === "chunk_reset") this.reset(frame.blockId);
    else if (frame.event === "thinking") this.thoughts += frame.data;
    else if (frame.event === "tool") this.tool = frame.phase === "start" ? frame.name : null;
    else if (frame.event === "error") this.fail(frame.error);
    else if (frame.event === "final") this.end(frame.data);
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  write(blockId, text) {
    if (!this.views.has(blockId)) {
      const part = make("div");
      this.body.append(part);
      this.views.set(blockId, new Markdown(part, follow));
    }
    this.views.get(blockId).append(text);
    this.texts.set(blockId, (this.texts.get(blockId) ?? "") + text);
  }

  reset(blockId) {
    this.views.get(blockId)?.clear();
    this.texts.delete(blockId);
  }

  end(data) {
    if (!data.success && data.error) this.fail(data.error);
    else if (![...this.texts.values()].some((text) => text.trim())) this.write("", spoken(data.output));
  }

  fail(message) {
    this.shown.append(make("p", "failed", message));
  }

  // Runs at most once per frame.
  draw() {
    this.frame = 0;
    follow(() => {
      if (this.thoughts) this.thinking.hidden = false;
      this.thought.append(this.thoughts);
      this.thoughts = "";
      this.doing.hidden = !this.tool;
      this.doing.textContent = this.tool ? `Using ${this.tool} …` : "";
      for (const view of this.views.values()) view.draw();
    });
  }

  finish() {
    cancelAnimationFrame(this.frame);
    this.tool = null;
    this.shown.classList.remove("waiting");
    this.draw();
    follow(() => this.views.forEach((view) => view.finish()));
  }
}

// Return the text of an answer that was not streamed: the selected values, or the usual result fields of a block.
function spoken(output) {
  if (typeof output !== "object" || output === null) return output === undefined ? "" : String(output);
  const selected = config.outputConfigs.map((one) => output[one.blockId]?.[one.path]).filter((value) => value !== undefined);
  const value = selected.length ? selected : [output.content ?? output.result ?? output.data ?? output];
  return value.map((one) => (typeof one === "string" ? one : JSON.stringify(one, null, 2))).join("\n\n");
}

async function read(answer, shown) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const frames = (rest + part.value).split("\n\n");
    rest = frames.pop();
    for (const frame of frames) if (frame.startsWith("data: ")) shown.take(JSON.parse(frame.slice(6)));
  }
}

async function say(input) {
  const sent = files;
  const mine = make("div", "message mine", [input, ...sent.map((file) => file.name)].filter(Boolean).join("\n"));
  follow(() => element("messages").append(mine));
  element("messages").scrollTop = element("messages").scrollHeight;
  choose([]);
  answering = new AbortController();
  busy(true);
  const shown = new Answer();
  let answer = null;
  try {
    answer = await send("POST", address, { input, conversationId, files: sent.length ? sent : undefined }, answering.signal);
    if (answer.ok) await read(answer, shown);
    else if (answer.status === 401) await load();
    else shown.fail(await reason(answer));
  } catch (error) {
    if (error.name !== "AbortError") shown.fail("The connection was lost. Try again.");
  }
  shown.finish();
  if (!answer?.ok && !answering.signal.aborted) {
    // The message was not accepted: put it back into the composer.
    mine.remove();
    if (!shown.shown.querySelector(".failed")) shown.shown.remove();
    element("text").value ||= input;
    if (!files.length) choose(sent);
  }
  answering = null;
  busy(false);
}

function busy(is) {
  element("send").hidden = is;
  element("stop").hidden = !is;
  element("anew").hidden = is || !element("messages").querySelector(".mine");
  if (!is && matchMedia("(hover: hover)").matches) element("text").focus();
}

function choose(chosen) {
  files = chosen;
  element("chosen").replaceChildren(
    ...files.map((file) => {
      const item = make("li");
      const button = make("button", "", `${file.name} ×`);
      button.setAttribute("aria-label", `Remove ${file.name}`);
      button.addEventListener("click", () => choose(files.filter((one) => one !== file)));
      item.append(button);
      return item;
    }),
  );
}

const loaded = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve({ name: file.name, type: file.type, size: file.size, data: reader.result });
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });

function welcome() {
  const text = config.customizations.welcomeMessage;
  element("messages").replaceChildren(element("closed"), ...Object.values(gates));
  if (!text) return;
  const shown = make("div", "message");
  element("messages").append(shown);
  const view = new Markdown(shown);
  view.append(text);
  view.finish();
}

// Return black or white, whichever has more contrast on `color`.
function inkOn(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => (parseInt(color.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000" : "#fff";
}

function open(answered) {
  config = answered;
  const { primaryColor, imageUrl } = config.customizations;
  document.title = element("title").textContent = config.title;
  element("about").textContent = config.description;
  if (primaryColor) {
    document.documentElement.style.setProperty("--accent", primaryColor);
    document.documentElement.style.setProperty("--accent-ink", inkOn(primaryColor));
  }
  if (imageUrl) {
    element("image").src = imageUrl;
    element("image").hidden = false;
  }
  ask(null);
  element("composer").hidden = false;
  if (!element("messages").querySelector(".message")) welcome();
  busy(false);
}

async function load() {
  const answer = await fetch(address).catch(() => null);
  if (answer?.ok) return open(await answer.json());
  const message = answer ? await reason(answer) : "Could not reach the server. Try again.";
  element("composer").hidden = true;
  const asked = /^auth_required_(password|email)$/.exec(message)?.[1];
  if (asked) ask(asked);
  else {
    element("closed").textContent = message;
    element("closed").hidden = false;
  }
}

// Show one gate, or none.
function ask(wanted) {
  for (const [name, gate] of Object.entries(gates)) gate.hidden = name !== wanted;
  if (!wanted) return;
  gates[wanted].querySelector(".refused").textContent = "";
  gates[wanted].querySelector("input").value = "";
  gates[wanted].querySelector("input").focus();
}

// Send the value of a gate. Return the response, or show the error and return null.
async function knock(gate, method, path, body) {
  const refused = gate.querySelector(".refused");
  const button = gate.querySelector("button");
  refused.textContent = "";
  button.disabled = true;
  const answer = await send(method, path, body).catch(() => null);
  button.disabled = false;
  if (answer?.ok) return answer.json();
  refused.textContent = answer ? await reason(answer) : "Could not reach the server. Try again.";
  gate.querySelector("input").select();
  return null;
}

async function sendCode(gate) {
  const sent = await knock(gate, "POST", `${address}/otp`, { email });
  if (!sent) return;
  ask("code");
  element("sent").textContent = `If ${email} has access, a code is on its way. It expires in ten minutes.`;
}

const passes = {
  password: (gate) => knock(gate, "POST", address, { password: element("password").value }),
  email: (gate) => {
    email = element("email").value.trim();
    return sendCode(gate);
  },
  code: (gate) => knock(gate, "PUT", `${address}/otp`, { email, otp: element("code").value }),
};
for (const [name, gate] of Object.entries(gates)) {
  gate.addEventListener("submit", async (event) => {
    event.preventDefault();
    const entered = await passes[name](gate);
    if (entered) open(entered);
  });
}
element("again").addEventListener("click", () => sendCode(gates.code));
element("elsewhere").addEventListener("click", () => ask("email"));
element("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = element("text").value.trim();
  if (answering || (!input && !files.length)) return;
  element("text").value = "";
  say(input);
});
element("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  element("composer").requestSubmit();
});
element("files").addEventListener("change", async (event) => {
  const room = MAX_FILES_BYTES - files.reduce((sum, file) => sum + file.size, 0);
  const added = [...event.target.files];
  event.target.value = "";
  if (files.length + added.length > MAX_FILES || added.reduce((sum, file) => sum + file.size, 0) > room) {
    follow(() => element("messages").append(make("p", "failed", `You can attach up to ${MAX_FILES} files, 7 MiB in total.`)));
    return;
  }
  choose([...files, ...(await Promise.all(added.map(loaded)))]);
});
element("stop").addEventListener("click", () => answering?.abort());
element("anew").addEventListener("click", () => {
  conversationId = newId();
  welcome();
  busy(false);
});
load();
