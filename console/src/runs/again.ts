import type { Span } from '@/api/runs';
import { STARTS } from '@/workflow/catalogue';
import type { Json } from '@/workflow/state';

/** What the caller sent, as the start block gave it on. */
export function inputOf(spans: readonly Span[]): Json | undefined {
  for (const span of spans) {
    if (STARTS.has(span.type)) return span.output ?? span.input;
    const found = inputOf(span.children ?? []);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A command that makes the same call. */
export function curlOf(workflowId: string, input: Json | undefined): string {
  const body = JSON.stringify(input ?? {}).replaceAll("'", `'\\''`);
  return [
    `curl -X POST "${window.location.origin}/api/workflows/${workflowId}/execute" \\`,
    '  -H "Content-Type: application/json" \\',
    '  -H "x-api-key: $SIM_API_KEY" \\',
    `  -d '${body}'`,
  ].join('\n');
}
