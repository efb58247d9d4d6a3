// Shows the OpenAPI document and code samples of a workflow, and calls it. All text is set as text, never as markup.
const base = location.pathname.replace(/\/docs$/, "");
const element = (id) => document.getElementById(id);
let version = new URLSearchParams(location.search).get("version");
let samples = [];
let pinned = {};

const credentials = () => (element("key").value ? { "x-api-key": element("key").value } : {});

async function ask(name) {
  const answer = await fetch(`${base}/${name}${version ? `?version=${encodeURIComponent(version)}` : ""}`, { headers: credentials() });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}

function row(cells) {
  const line = document.createElement("tr");
  for (const text of cells) line.appendChild(document.createElement("td")).textContent = text;
  return line;
}

function choose(id, values) {
  element(id).replaceChildren(...values.map((value) => new Option(value, value)));
}

function describe(document_) {
  const call = Object.values(document_.paths)[0].post;
  const content = call.requestBody.content["application/json"];
  element("title").textContent = document_.info.title;
  element("about").textContent = `Version ${document_.info.version}. ${document_.info.description}`;
  document.title = document_.info.title;
  const version_ = call.parameters.find((parameter) => parameter.name === "X-Workflow-Version");
  pinned = version_ ? { "X-Workflow-Version": version_.schema.const } : {};
  const required = new Set(content.schema.required);
  const fields = Object.entries(content.schema.properties).map(([name, field]) =>
    row([required.has(name) ? `${name} *` : name, field.type ?? "any", field.description ?? ""]),
  );
  element("fields").replaceChildren(...fields);
  element("body").value = JSON.stringify(content.example, null, 2);
  offer(document_);
}

// A blob, because a link to the document would not send the API key.
function offer(document_) {
  URL.revokeObjectURL(element("raw").href);
  element("raw").href = URL.createObjectURL(new Blob([JSON.stringify(document_, null, 2)], { type: "application/json" }));
}

function showSample() {
  const [mode, step] = element("mode").value.split(", ");
  const found = samples.find((one) => one.language === element("language").value && one.mode === mode && one.step === step);
  element("code").textContent = found?.code ?? "";
}

async function load() {
  element("problem").textContent = "";
  try {
    describe(await ask("openapi.json"));
    samples = (await ask("samples")).samples;
    choose("language", [...new Set(samples.map((one) => one.language))]);
    choose("mode", [...new Set(samples.map((one) => `${one.mode}, ${one.step}`))]);
    showSample();
    element("described").hidden = false;
  } catch (error) {
    element("problem").textContent = error.message;
  }
}

async function call(extra, headers) {
  const shown = element("answer");
  shown.textContent = "Loading…";
  try {
    const body = { ...JSON.parse(element("body").value || "{}"), ...extra };
    const answer = await fetch(`${base}/execute`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...credentials(), ...pinned, ...headers },
      body: JSON.stringify(body),
    });
    shown.textContent = `${answer.status} ${answer.statusText}\n`;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) shown.textContent += part.value;
  } catch (error) {
    shown.textContent = error.message;
  }
}

element("access").addEventListener("submit", (event) => {
  event.preventDefault();
  load();
});
element("language").addEventListener("change", showSample);
element("mode").addEventListener("change", showSample);
element("run").addEventListener("click", () => call({}, {}));
element("stream").addEventListener("click", () => call({ stream: true }, {}));
element("queue").addEventListener("click", () => call({}, { "X-Execution-Mode": "async" }));
load();
