import createClient from 'openapi-fetch';
import { ApiError } from './errors';
import type { paths } from './schema';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** Body of a route's 200 response. */
export type ResponseBody<Path extends keyof paths, Verb extends Method> = paths[Path] extends {
  [Key in Verb]: { responses: { 200: { content: { 'application/json': infer Body } } } };
}
  ? Body
  : never;

/** Client for every route of the gateway, typed by its OpenAPI document. */
export const api = createClient<paths>({ baseUrl: window.location.origin });

/** Return the body of a successful response. Throws ApiError. */
export async function unwrap<Body>(call: Promise<{ data?: Body; error?: unknown; response: Response }>): Promise<Body> {
  const { data, error, response } = await call;
  if (!response.ok) throw ApiError.of(response.status, error);
  return data as Body;
}

/** Call a route that the OpenAPI document does not describe. Throws ApiError. */
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
