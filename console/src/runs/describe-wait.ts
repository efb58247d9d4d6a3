import type { Span } from '@/api/runs';
import { formatTimestamp } from '@/app/format';
import { type Json, listOf } from '@/workflow/state';

/** Return what a block waits for, as a phrase after “Waiting”, or null if it does not wait. */
export function describeWait({ type, output }: Pick<Span, 'type' | 'output'>): string | null {
  if (!isObject(output)) return null;
  if (type === 'wait') return output.status === 'waiting' ? `until ${formatTimestamp(String(output.resumeAt))}` : null;
  if (type !== 'human_in_the_loop' || 'submittedAt' in output || !isObject(output.response)) return null;
  const asked = listOf<{ label: string }>(output.response.inputFormat).map((field) => field.label);
  return asked.length ? `for input: ${asked.join(', ')}` : 'for approval';
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
