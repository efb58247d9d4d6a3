import type { Span } from '@/api/runs';
import type { RunMark } from '@/canvas/marks';
import type { Json } from '@/workflow/state';
import { describeWait } from './describe-wait';
import { errorOf, flattened } from './spans';

/** A block in a run: its state on the canvas, and the input and output of its last execution. */
export interface RecordedBlock extends RunMark {
  input?: Json;
  output?: Json;
}

/** Return the executions of each block by block id, oldest first, without those of called workflows. */
export function executionsByBlock(spans: readonly Span[]): Map<string, Span[]> {
  const found = new Map<string, Span[]>();
  for (const { span, isCalled } of flattened(spans)) {
    if (!span.blockId || isCalled) continue;
    const executions = found.get(span.blockId);
    if (executions) executions.push(span);
    else found.set(span.blockId, [span]);
  }
  return found;
}

/** Return the blocks of a run by id. */
export function recordedBlocks(spans: readonly Span[]): Map<string, RecordedBlock> {
  const found = new Map<string, RecordedBlock>();
  for (const [id, executions] of executionsByBlock(spans)) {
    const last = executions.at(-1) as Span;
    found.set(id, {
      status: statusOf(last),
      times: executions.length,
      durationMs: last.duration,
      error: errorOf(last) ?? undefined,
      input: last.input,
      output: last.output,
    });
  }
  return found;
}

export function statusOf(span: Span): Exclude<RunMark['status'], 'running'> {
  if (span.status === 'error') return 'failed';
  return describeWait(span) === null ? 'done' : 'paused';
}
