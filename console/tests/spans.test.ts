import { expect, test } from 'vitest';
import type { Span } from '@/api/runs';
import { flattened, windowOf } from '@/runs/spans';

function span(type: string, startMs: number, duration: number, children: Span[] = []): Span {
  const [startTime, endTime] = [startMs, startMs + duration].map((ms) => new Date(ms).toISOString()) as [
    string,
    string,
  ];
  return { id: type, name: type, type, duration, startTime, endTime, status: 'success', children };
}

test.each([
  ['after', 14, 2],
  ['before', 7, 2],
  ['around', 7, 20],
])('a child span that seems to be %s its parent is shown within it', (_, start, duration) => {
  const rows = flattened([span('agent', 10, 3, [span('model', start, duration)])]);
  const [parent, child] = rows.map(({ start, end }) => ({ start, end }));
  expect(parent).toEqual({ start: 10, end: 13 });
  expect(child?.start).toBeGreaterThanOrEqual(10);
  expect(child?.end).toBeLessThanOrEqual(13);
  expect(windowOf(rows)).toEqual({ from: 10, length: 3 });
});
