import type { Span } from '@/api/runs';
import { START_TYPES } from '@/workflow/catalog';
import type { Json } from '@/workflow/state';

/** Return the caller's input, taken from the start block's span. */
export function inputOf(spans: readonly Span[]): Json | undefined {
  for (const span of spans) {
    if (START_TYPES.has(span.type)) return span.output ?? span.input;
    const found = inputOf(span.children ?? []);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Return a cURL command that repeats the call. */
export function curlOf(workflowId: string, input: Json | undefined): string {
  const body = JSON.stringify(input ?? {}).replaceAll("'", `'\\''`);
  return [
    `curl -X POST "${window.location.origin}/api/workflows/${workflowId}/execute" \\`,
    '  -H "Content-Type: application/json" \\',
    '  -H "x-api-key: $SIM_API_KEY" \\',
    `  -d '${body}'`,
  ].join('\n');
}
