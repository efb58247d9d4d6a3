import type { Span } from '@/api/runs';
import { exactMoment } from '@/app/format';
import { type Json, listOf } from '@/workflow/state';

/** What a block waits for, to be read after “Waits”; null for one that waits for nothing any more. */
export function waitOf({ type, output }: Pick<Span, 'type' | 'output'>): string | null {
  if (!isObject(output)) return null;
  if (type === 'wait') return output.status === 'waiting' ? `until ${exactMoment(String(output.resumeAt))}` : null;
  if (type !== 'human_in_the_loop' || 'submittedAt' in output || !isObject(output.response)) return null;
  const asked = listOf<{ label: string }>(output.response.inputFormat).map((field) => field.label);
  return asked.length ? `for somebody to answer: ${asked.join(', ')}` : 'for somebody to let it go on';
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
