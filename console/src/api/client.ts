import createClient from 'openapi-fetch';
import { ApiError } from './errors';
import type { paths } from './schema';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** What a route answers when all is well. */
export type Answer<Path extends keyof paths, Verb extends Method> = paths[Path] extends {
  [Key in Verb]: { responses: { 200: { content: { 'application/json': infer Body } } } };
}
  ? Body
  : never;

/** Every route of the gateway, typed by its own OpenAPI document. */
export const api = createClient<paths>({ baseUrl: window.location.origin });

/** The body of a successful answer. Raises ApiError. */
export async function ask<Body>(call: Promise<{ data?: Body; error?: unknown; response: Response }>): Promise<Body> {
  const { data, error, response } = await call;
  if (!response.ok) throw ApiError.of(response.status, error);
  return data as Body;
}

/** A call that the OpenAPI document does not describe. Raises ApiError. */
export async function send<Body>(method: string, path: string, body?: unknown, headers?: HeadersInit): Promise<Body> {
  const response = await fetch(path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  const answer: unknown = text ? parse(text) : null;
  if (!response.ok) throw ApiError.of(response.status, answer);
  return answer as Body;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
