import type { Span } from '@/api/runs';
import type { RunMark } from '@/canvas/marks';
import type { Json } from '@/workflow/state';
import { describeWait } from './describe-wait';
import { errorOf } from './spans';

/** A block in a run: its state on the canvas, and the input and output of its last execution. */
export interface RecordedBlock extends RunMark {
  input?: Json;
  output?: Json;
}

/** Return the blocks of a run by id. */
export function recordedBlocks(spans: readonly Span[]): Map<string, RecordedBlock> {
  const found = new Map<string, RecordedBlock>();
  const add = (span: Span) => {
    const { blockId, duration, input, output } = span;
    if (blockId) {
      const times = (found.get(blockId)?.times ?? 0) + 1;
      const error = errorOf(span) ?? undefined;
      found.set(blockId, { status: statusOf(span), times, durationMs: duration, error, input, output });
    }
    span.children?.forEach(add);
  };
  spans.forEach(add);
  return found;
}

function statusOf(span: Span): RunMark['status'] {
  if (span.status === 'error') return 'failed';
  return describeWait(span) === null ? 'done' : 'paused';
}
