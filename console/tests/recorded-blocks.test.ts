import { expect, test } from 'vitest';
import type { Span } from '@/api/runs';
import { executionsByBlock, recordedBlocks } from '@/runs/recorded-blocks';
import { flattened, ticksOf } from '@/runs/spans';

function span(blockId: string, more: Partial<Span> = {}): Span {
  const time = new Date(0).toISOString();
  return {
    id: blockId,
    blockId,
    name: blockId,
    type: 'function',
    duration: 5,
    startTime: time,
    endTime: time,
    status: 'success',
    ...more,
  };
}

test('a block shows its last execution and how often it ran', () => {
  const loop = span('loop', { children: [span('step', { output: 1 }), span('step', { output: 2 })] });
  expect(recordedBlocks([loop]).get('step')).toMatchObject({ status: 'done', times: 2, output: 2, durationMs: 5 });
});

test('a failed block shows its error', () => {
  const failed = span('step', { status: 'error', output: { error: 'out of tea' } });
  expect(recordedBlocks([failed]).get('step')).toMatchObject({ status: 'failed', error: 'out of tea' });
});

test('a waiting block is paused', () => {
  const waiting = span('ask', { type: 'wait', output: { status: 'waiting', resumeAt: new Date(0).toISOString() } });
  expect(recordedBlocks([waiting]).get('ask')?.status).toBe('paused');
});

test('the blocks of a called workflow are marked', () => {
  const rows = flattened([span('call', { type: 'workflow_input', children: [span('inner')] })]);
  expect(rows.map(({ isCalled }) => isCalled)).toEqual([false, true]);
});

test('the executions of a block are in order', () => {
  const loop = span('loop', { children: [span('step', { output: 1 }), span('step', { output: 2 })] });
  expect(
    executionsByBlock([loop])
      .get('step')
      ?.map(({ output }) => output),
  ).toEqual([1, 2]);
});

test('a block of a called workflow is no block of the run, even with the same id', () => {
  const call = span('call', { type: 'workflow_input', children: [span('step', { output: 'theirs' })] });
  expect(recordedBlocks([span('step', { output: 'ours' }), call]).get('step')).toMatchObject({
    times: 1,
    output: 'ours',
  });
});

test('the axis labels the whole window', () => {
  expect(ticksOf({ from: 7, length: 100 })).toEqual([0, 25, 50, 75, 100]);
});
