import { ApiError } from './errors';

const DONE = '[DONE]';

interface PostOptions {
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Called with the response before its frames. */
  onResponse?: (response: Response) => void;
}

/** Post `body` and yield the JSON of each frame of the response. Throws ApiError. */
export async function* postStream(
  path: string,
  body: unknown,
  { headers, signal, onResponse }: PostOptions = {},
): AsyncGenerator<unknown> {
  const sent = { 'content-type': 'application/json', ...headers };
  const response = await fetch(path, { method: 'POST', headers: sent, body: JSON.stringify(body), signal });
  onResponse?.(response);
  yield* framesOf(response);
}

/** Yield the JSON of each frame of an existing stream. Throws ApiError. */
export async function* getStream(path: string, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<unknown> {
  yield* framesOf(await fetch(path, { signal }));
}

async function* framesOf(response: Response): AsyncGenerator<unknown> {
  if (!response.ok) throw ApiError.of(response.status, await response.json().catch(() => null));
  for await (const data of dataOf(response)) {
    const frame: unknown = data === DONE ? DONE : JSON.parse(data);
    if (frame === DONE) return;
    yield frame;
  }
}

async function* dataOf(response: Response): AsyncGenerator<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  let rest = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const frames = (rest + part.value).split('\n\n');
    rest = frames.pop() ?? '';
    for (const frame of frames) {
      const lines = frame.split('\n').filter((line) => line.startsWith('data:'));
      if (lines.length) yield lines.map((line) => line.slice(5).trimStart()).join('\n');
    }
  }
}
