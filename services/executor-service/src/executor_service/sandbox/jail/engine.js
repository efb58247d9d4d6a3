// The main program of a Node process in the jail: it answers its parent's frames, one after another, and runs each
// script in a new realm.
//
// A realm is no security boundary, so nothing of this one is ever within reach of user code: all that user code sees
// was made by harness.js in the script's own realm, text is all that passes, and the hooks with which Node answers V8
// are the script's realm's too. One thing escapes that rule: V8 makes the list of arguments for a proxy of a function in
// the realm of its caller, and Node calls user code from this realm when it looks for its own symbols in a rejected
// promise. So this realm evaluates no text (see FLAGS), what it has is frozen, and its global object holds nothing but
// the language.
"use strict";

const { Buffer } = require("buffer");
const { internalBinding } = require("internal/test/binding");
const { readFileSync, readSync, writeSync } = require("fs");
const { join } = require("path");
const { performance } = require("perf_hooks");
const { getHeapStatistics } = require("v8");
const { Script, constants, createContext } = require("vm");

const { connection, locked, limits, worn } = JSON.parse(process.argv[2]);
const [wornMicroseconds, wornHeapBytes, wornBufferBytes] = worn;
const { cpuUsage, reallyExit, umask } = process;
const now = () => performance.now();
const { setPrepareStackTraceCallback } = internalBinding("errors");
const { setPromiseRejectCallback } = internalBinding("task_queue");
const { setImportModuleDynamicallyCallback } = internalBinding("module_wrap");

// A script that is done so soon has not used much; to look takes longer than it.
const QUICK_MS = 5;
const LOOKS_EVERY = 100;
const HEADER_BYTES = 4;
const BUFFER_BYTES = 1 << 16;
const CONTEXT = { __proto__: null, microtaskMode: "afterEvaluate" };
const RUN = '{"type":"run"';
const READY = '[{"type":"ready"}]';
// Whatever runs first compiles the harness and touches its memory: better this than a script that waits.
const FIRST_SCRIPT = '{"type":"run","code":"return 1","names":[]}\n{"values":[],"params":{},"environment":{}}';
const WORN = '[{"type":"worn"},';
const UNCAUGHT = '[{"type":"uncaught","text":""}]';
// Lines before the code in the source of its function, both in V8's own text and in ours.
const FUNCTION_LINES = 2;
const MAX_COMPILED = 100;
const MAX_COMPILED_CHARS = 1 << 20;
// With the name that V8 gives to code without one.
const named = { __proto__: null, filename: "<anonymous>" };
const USER_CODE = "user-function.js";
const harness = new Script(
  `${readFileSync(join(__dirname, "harness.js"), "utf8")}(${limits.join()}, ${JSON.stringify(__filename)})`,
  named,
);
const nothing = new Script("", named);

// ---- frames
const input = Buffer.alloc(BUFFER_BYTES);
const output = Buffer.alloc(BUFFER_BYTES);
let buffered = 0;

const readAtLeast = (target, at, size) => {
  while (at < size) {
    const count = readSync(connection, target, at, target.length - at, null);
    if (count === 0) reallyExit(0); // the parent has gone
    at += count;
  }
  return at;
};

// One read usually returns a whole frame. What follows it stays in the buffer, and nothing of it.
const receive = () => {
  buffered = readAtLeast(input, buffered, HEADER_BYTES);
  const end = input.readUInt32BE(0) + HEADER_BYTES;
  if (end > BUFFER_BYTES) return receiveLarge(end);
  buffered = readAtLeast(input, buffered, end);
  const text = input.utf8Slice(HEADER_BYTES, end);
  input.copyWithin(0, end, buffered);
  input.fill(0, buffered - end, buffered);
  buffered -= end;
  return text;
};

const receiveLarge = (end) => {
  const target = Buffer.allocUnsafeSlow(end);
  input.copy(target, 0, 0, buffered);
  readAtLeast(target, buffered, end);
  input.fill(0, 0, buffered);
  buffered = 0;
  const text = target.utf8Slice(HEADER_BYTES, end);
  target.fill(0);
  return text;
};

const send = (text) => {
  const isShort = text.length * 3 + HEADER_BYTES <= BUFFER_BYTES;
  const target = isShort ? output : Buffer.allocUnsafeSlow(Buffer.byteLength(text) + HEADER_BYTES);
  const size = target.utf8Write(text, HEADER_BYTES);
  target.writeUInt32BE(size, 0);
  for (let at = 0; at < size + HEADER_BYTES; ) at += writeSync(connection, target, at, size + HEADER_BYTES - at, null);
  target.fill(0, 0, size + HEADER_BYTES);
};

// ---- realms
let entered;

const newRealm = () => {
  const context = createContext(constants.DONT_CONTEXTIFY, CONTEXT);
  return enter({ __proto__: null, context, ...harness.runInContext(context) });
};

// Lets the hooks of Node be those of this realm.
const enter = (realm) => {
  if (realm !== entered) {
    setPrepareStackTraceCallback(realm.prepareStackTrace);
    setPromiseRejectCallback(realm.ignore);
    setImportModuleDynamicallyCallback(realm.importModule);
    entered = realm;
  }
  return realm;
};

const answer = (realm, frame) => {
  try {
    if (frame.startsWith(RUN)) {
      const end = frame.indexOf("\n");
      const script = compile(realm, frame.slice(0, end));
      if (typeof script === "string") return script;
      realm.start(script.runInContext(realm.context), frame.slice(end + 1));
    } else {
      realm.receive(frame);
    }
    nothing.runInContext(realm.context); // and every microtask that is due
    return realm.drain();
  } catch {
    return UNCAUGHT;
  }
};

// What one script leaves is freed for the next, but not always given back to the system.
const isWorn = () => {
  const { user, system } = cpuUsage();
  if (user + system > wornMicroseconds) return true;
  const { total_heap_size, external_memory } = getHeapStatistics();
  return total_heap_size > wornHeapBytes || external_memory > wornBufferBytes;
};

// ---- code
// A workflow runs the same code again and again, so its bytecode is shared by all realms. It holds no state: closures,
// literals and feedback belong to the function that each realm gets.
const compiled = new Map();
let compiledChars = 0;

// A function body must parse by itself, so that code cannot close it and continue outside, which only a constructor of
// functions verifies. It does so in a realm without user code, and its result is never called. With a parameter that is a
// pattern, `arguments` is a copy, through which code cannot assign to the variables, as it is in strict code, which may
// have no such parameter.
const source = { __proto__: null, head: "" };
const checker = createContext(source);
const check = new Script(
  `{
    const { code, names } = JSON.parse(head);
    const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;
    const parameters = [...names, "...{}"];
    try {
      Reflect.construct(AsyncFunction, [...parameters, code]);
    } catch {
      parameters.pop();
      Reflect.construct(AsyncFunction, [...parameters, code]);
    }
    \`(async function (\${parameters}\\n) {\\n\${code}\\n})\`;
  }`,
  named,
);
const withoutFrames = () => "";

// Returns the script that evaluates to the function, or the message about code that does not parse.
const compile = (realm, start) => {
  const known = compiled.get(start);
  if (known !== undefined) return known;
  // A copy: V8 stores a part of a text with the whole text, here with the values of this run.
  const head = Buffer.from(start, "utf8").toString("utf8");
  source.head = head;
  setPrepareStackTraceCallback(withoutFrames);
  try {
    const script = new Script(check.runInContext(checker), { __proto__: null, filename: USER_CODE });
    store(head, script);
    return script;
  } catch (error) {
    return unparsable(error);
  } finally {
    source.head = "";
    setPrepareStackTraceCallback(realm.prepareStackTrace);
  }
};

const store = (head, script) => {
  if (head.length > MAX_COMPILED_CHARS) return;
  if (compiled.size === MAX_COMPILED || compiledChars + head.length > MAX_COMPILED_CHARS) {
    compiled.clear();
    compiledChars = 0;
  }
  compiled.set(head, script);
  compiledChars += head.length;
};

const unparsable = (error) => {
  const [place] = error.stack.split("\n", 1);
  const line = place.slice(place.lastIndexOf(":") + 1) - FUNCTION_LINES;
  const text = JSON.stringify(`${error.message}`);
  return `[{"type":"unparsable","text":${text},"line":${line > 0 ? line : null}}]`;
};

// ---- this realm
const deprive = () => {
  const language = new Set(Reflect.ownKeys(createContext(constants.DONT_CONTEXTIFY, CONTEXT)));
  language.delete("console"); // it leads to the streams of the process
  for (const name of Reflect.ownKeys(globalThis)) if (!language.has(name)) delete globalThis[name];
  const seen = new Set();
  const visit = (thing) => {
    if ((typeof thing !== "object" && typeof thing !== "function") || thing === null || seen.has(thing)) return;
    seen.add(thing);
    for (const key of Reflect.ownKeys(thing)) {
      const { value, get, set } = Reflect.getOwnPropertyDescriptor(thing, key);
      visit(value), visit(get), visit(set);
    }
    visit(Object.getPrototypeOf(thing));
    Object.freeze(thing);
  };
  const hidden = [async () => {}, function* () {}, async function* () {}, [][Symbol.iterator](), ""[Symbol.iterator](),
    new Map()[Symbol.iterator](), new Set()[Symbol.iterator](), "".matchAll(/x/g), new Uint8Array(),
    [].values().map(() => 0), Iterator.from({ next() {} }), callSite()];
  for (const thing of hidden) visit(Object.getPrototypeOf(thing));
  visit(Reflect.getOwnPropertyDescriptor(new Error(), "stack")); // all errors of a realm share its accessors
  visit(globalThis);
};

const callSite = () => {
  setPrepareStackTraceCallback((_, __, sites) => sites);
  return new Error().stack[0];
};

const serve = () => {
  let realm = newRealm();
  let isUsed = false;
  let scripts = 0;
  for (;;) {
    const frame = receive();
    if (frame.startsWith(RUN)) {
      if (isUsed) realm = newRealm();
      isUsed = true;
    }
    const started = now();
    const reply = answer(realm, frame);
    const isOver = realm.isSettled();
    send(isOver && reply.length > 2 && (++scripts % LOOKS_EVERY === 0 || now() - started > QUICK_MS) && isWorn() ? WORN + reply.slice(1) : reply);
    if (isOver) {
      realm = newRealm(); // while the parent works, and for the last script to leave nothing that goes on
      isUsed = false;
    }
  }
};

// A microtask throws only if user code has replaced the functions that settle a promise. Node would inspect what was
// thrown, and so call user code from this realm.
process._fatalException = () => true;
answer(newRealm(), FIRST_SCRIPT);
deprive();
if (umask(0o77) !== locked) reallyExit(1); // the zygote has not locked this process down
send(READY);
try {
  serve();
} finally {
  reallyExit(1);
}
