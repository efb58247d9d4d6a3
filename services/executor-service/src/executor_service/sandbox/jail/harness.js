// The harness of a single-use context: it starts the user's code, and speaks for it in messages. Its own realm made all
// that it is and has; text is all that passes between it and the process around it.
// User code shares this realm and may change every global, so all that is needed later is taken now, and no step
// after the start relies on a prototype, an iterator or an array index that user code could have replaced.
(function (maxResultChars, maxStdoutChars, maxFetches, hostFile) {
  "use strict";

  const { parse, stringify } = JSON;
  const { apply, defineProperty, getPrototypeOf, ownKeys } = Reflect;
  const { create, freeze, hasOwn } = Object;
  const String_ = String, Promise_ = Promise, TypeError_ = TypeError, Error_ = Error;
  const uncurried = (method) => Function.prototype.call.bind(method);
  const then = uncurried(Promise.prototype.then);
  const slice = uncurried(String.prototype.slice);
  const lowerCase = uncurried(String.prototype.toLowerCase);

  const quote = (text) => stringify(`${text}`);

  // ---- messages out: one growing JSON array text
  let outbox = "";
  let settled = true;
  let waiting = 0;

  const post = (message) => {
    outbox += outbox === "" ? message : "," + message;
  };

  const settle = (message) => {
    if (settled) return;
    settled = true;
    post(message);
  };

  // ---- what the user's code may call
  let stdout = "";
  let stdoutLines = 0;

  const printed = (value) => {
    if (typeof value !== "object" || value === null) return String_(value);
    try {
      return value instanceof Error_ ? String_(value) : (stringify(value) ?? String_(value));
    } catch {
      return "[object]";
    }
  };

  const printer = (prefix) => (...values) => {
    if (stdout.length >= maxStdoutChars) return;
    let line = prefix;
    for (let i = 0; i < values.length && line.length < maxStdoutChars; i++) {
      line += (i === 0 ? "" : " ") + slice(printed(values[i]), 0, maxStdoutChars);
    }
    stdout = slice(stdoutLines++ === 0 ? line : stdout + "\n" + line, 0, maxStdoutChars);
  };

  const pending = create(null);
  let fetches = 0;

  const headersOf = (headers) => {
    let text = "";
    const keys = typeof headers === "object" && headers !== null ? ownKeys(headers) : [];
    for (let i = 0; i < keys.length; i++) {
      if (typeof keys[i] === "string") {
        text += (text === "" ? "" : ",") + quote(keys[i]) + ":" + quote(headers[keys[i]]);
      }
    }
    return "{" + text + "}";
  };

  const bodyOf = (body) => {
    if (body === undefined || body === null) return "null";
    return quote(typeof body === "string" ? body : stringify(body));
  };

  const responseOf = (reply) => {
    const { body, headers } = reply;
    return {
      ok: reply.status >= 200 && reply.status < 300,
      status: reply.status,
      statusText: reply.status_text,
      url: reply.url,
      headers: {
        get: (name) => {
          const key = lowerCase(`${name}`);
          return hasOwn(headers, key) ? headers[key] : null;
        },
      },
      text: async () => body,
      json: async () => parse(body),
    };
  };

  const asking = (request, answerOf) =>
    new Promise_((resolve, reject) => {
      if (fetches >= maxFetches) {
        throw new Error_(`fetch was called more than ${maxFetches} times`);
      }
      const id = fetches++;
      const { url, method, headers, body } = request();
      const message =
        `{"type":"fetch","id":${id},"url":${quote(url)},"method":${quote(method)},` +
        `"headers":${headersOf(headers)},"body":${bodyOf(body)}}`;
      pending[id] = { __proto__: null, resolve, reject, answerOf };
      waiting++;
      post(message);
    });

  const fetch = (url, options = {}) =>
    asking(() => ({ url, method: options.method ?? "GET", headers: options.headers, body: options.body }), responseOf);

  // Files are fetched like pages, with a separate scheme that the parent serves.
  const reader = (encoding) => (file, { offset = 0, length } = {}) =>
    asking(
      () => {
        if (typeof file?.key !== "string") throw new TypeError_("sim.files expects a file from a file[] field");
        const headers = { accept: encoding, offset, length: length ?? "" };
        return { url: `sim-file:${file.key}`, method: "GET", headers, body: null };
      },
      (reply) => reply.body,
    );

  const [readText, readBase64] = [reader("text"), reader("base64")];
  const sim = freeze({
    files: freeze({ readText, readBase64, readTextChunk: readText, readBase64Chunk: readBase64 }),
    // Values are never too large to be here in full.
    values: freeze({ read: async (value) => value, readArray: async (value) => value }),
  });

  const console_ = {
    log: printer(""), info: printer(""), debug: printer(""), warn: printer("WARN: "), error: printer("ERROR: "),
  };

  // Shared memory is a clock and a timer, and the engine's own console is none of the user's business.
  for (const name of ["Atomics", "SharedArrayBuffer", "WebAssembly"]) delete globalThis[name];

  const expose = (name, value) =>
    defineProperty(globalThis, name, { __proto__: null, value, writable: true, configurable: true, enumerable: false });
  expose("console", console_);
  expose("fetch", fetch);
  expose("sim", sim);

  // ---- one run
  const read = (thing, key) => {
    try {
      const value = thing[key];
      return typeof value === "string" ? value : "";
    } catch {
      return "";
    }
  };

  const textOf = (thrown) => {
    try {
      if (typeof thrown === "object" && thrown !== null) return stringify(thrown) ?? String_(thrown);
      return String_(thrown);
    } catch {
      return "A value that cannot be shown was thrown";
    }
  };

  const failed = (thrown) => {
    const isObject = (typeof thrown === "object" && thrown !== null) || typeof thrown === "function";
    const message = isObject ? read(thrown, "message") : "";
    const stack = isObject ? read(thrown, "stack") : "";
    settle(
      `{"type":"thrown","name":${quote(slice(isObject ? read(thrown, "name") : "", 0, 200))},` +
      `"message":${quote(slice(message === "" && stack === "" ? textOf(thrown) : message, 0, 20000))},` +
      `"stack":${quote(slice(stack, 0, 20000))},"stdout":${quote(stdout)}}`,
    );
  };

  const returned = (value) => {
    let result;
    try {
      result = stringify(value);
    } catch (error) {
      return failed(error);
    }
    if (result !== undefined && result.length > maxResultChars) {
      return settle(`{"type":"oversized","size":${result.length},"stdout":${quote(stdout)}}`);
    }
    settle(
      `{"type":"returned",${result === undefined ? "" : `"result":${result},`}"stdout":${quote(stdout)}}`,
    );
  };

  const start = (main, text) => {
    const { values, params, environment } = parse(text);
    settled = false;
    expose("params", params);
    expose("environmentVariables", environment);
    try {
      then(apply(main, undefined, values), returned, failed);
    } catch (error) {
      failed(error);
    }
  };

  const fetched = (reply) => {
    const call = pending[reply.id];
    if (call === undefined) return;
    delete pending[reply.id];
    waiting--;
    if (reply.error === null) call.resolve(call.answerOf(reply));
    else call.reject(new TypeError_(reply.error));
  };

  const receive = (text) => fetched(parse(text));

  const drain = () => {
    if (!settled && waiting === 0) settle(`{"type":"stalled","stdout":${quote(stdout)}}`);
    const messages = `[${outbox}]`;
    outbox = "";
    return messages;
  };

  // ---- hooks: replace what Node would answer with functions and objects of the main realm
  const errorText = uncurried(Error.prototype.toString);
  let fileNameOf, siteText;

  const textOfError = (error) => {
    try {
      return errorText(error);
    } catch (problem) {
      try {
        return `<error: ${errorText(problem)}>`;
      } catch {
        return "<error>";
      }
    }
  };

  // Microtasks run below functions of Node.
  const isOutside = (file) => file === hostFile || (typeof file === "string" && slice(file, 0, 5) === "node:");

  // As V8 does it without Node, and without the frames of the process around the realm.
  const prepareStackTrace = (_, error, sites) => {
    if (siteText === undefined && sites.length > 0) {
      const CallSite = getPrototypeOf(sites[0]);
      fileNameOf = uncurried(CallSite.getFileName);
      siteText = uncurried(CallSite.toString);
    }
    const custom = Error_.prepareStackTrace;
    const isCustom = typeof custom === "function";
    const own = [];
    let text = isCustom ? "" : textOfError(error);
    for (let i = 0; i < sites.length && !isOutside(fileNameOf(sites[i])); i++) {
      if (isCustom) defineProperty(own, i, { __proto__: null, value: sites[i], writable: true, enumerable: true, configurable: true });
      else text += "\n    at " + siteText(sites[i]);
    }
    return isCustom ? apply(custom, Error_, [error, own]) : text;
  };

  const importModule = async () => {
    throw new Error_("Not supported");
  };

  return { __proto__: null, start, receive, drain, isSettled: () => settled, prepareStackTrace, importModule, ignore: () => {} };
})
