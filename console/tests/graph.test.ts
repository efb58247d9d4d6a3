import { expect, test } from 'vitest';
import { targetsOf, upstream } from '@/workflow/graph';
import { type Block, type Edge, readState, type WorkflowState } from '@/workflow/state';

const WALKS = new Set<PropertyKey>(['filter', 'some', 'find', 'every', 'forEach', 'map', Symbol.iterator]);

/** Return a chain of blocks, and a counter of iterations over its edges. */
function chain(length: number): { state: WorkflowState; walks: () => number } {
  let walks = 0;
  const block = (n: number): Block => ({
    id: `b${n}`,
    type: 'function',
    name: `Step ${n}`,
    position: { x: n, y: 0 },
    subBlocks: {},
  });
  const blocks = Object.fromEntries(Array.from({ length }, (_, n) => [`b${n}`, block(n)]));
  const edges: Edge[] = Array.from({ length: length - 1 }, (_, n) => ({
    id: `e${n}`,
    source: `b${n}`,
    target: `b${n + 1}`,
    sourceHandle: 'source',
  }));
  const watched = new Proxy(edges, {
    get(list, key, proxy) {
      if (WALKS.has(key)) walks += 1;
      return Reflect.get(list, key, proxy);
    },
  });
  return { state: { ...readState({ blocks }), edges: watched }, walks: () => walks };
}

test('finding connection targets iterates over the edges a constant number of times', () => {
  const { state, walks } = chain(500);
  expect(targetsOf(state, 'b100', 'source').map(({ id }) => id)).toEqual(
    Array.from({ length: 398 }, (_, n) => `b${n + 102}`),
  );
  expect(walks()).toBeLessThan(5);
});

test('finding preceding blocks iterates over the edges a constant number of times', () => {
  const { state, walks } = chain(500);
  expect(upstream(state, 'b499').size).toBe(499);
  expect(walks()).toBeLessThan(5);
});
