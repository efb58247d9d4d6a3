import { expect, test } from 'vitest';
import { spread } from '@/workflow/spread';
import { readState, type WorkflowState } from '@/workflow/state';

function stateOf(...blocks: object[]): WorkflowState {
  const named = blocks.map(
    (block) => ({ type: 'function', name: 'Block', subBlocks: {}, ...block }) as { id?: string },
  );
  return readState({ blocks: Object.fromEntries(named.map((block) => [block.id, block])) } as never);
}

const container = { id: 'loop', type: 'loop', position: { x: 0, y: 0 }, data: { width: 500, height: 300 } };
const inner = { id: 'inner', position: { x: 700, y: 90 }, data: { parentId: 'loop', extent: 'parent' } };

test('blocks that a grown container covers move to its right, with those behind them', () => {
  const after = { id: 'after', position: { x: 600, y: 0 } };
  const last = { id: 'last', position: { x: 930, y: 500 } };
  const { blocks } = spread(stateOf(container, inner, after, last));
  expect(blocks.after?.position.x).toBe(700 + 250 + 40 + 48);
  expect(blocks.last?.position.x).toBe(930 + 1038 - 600);
  expect(blocks.inner?.position).toEqual(inner.position);
});

test('blocks that are stored over a container move to its right', () => {
  const { blocks } = spread(stateOf(container, { id: 'over', position: { x: 300, y: 20 } }));
  expect(blocks.over?.position).toEqual({ x: 500 + 48, y: 20 });
});

test('blocks below a grown container move down', () => {
  const deep = { ...inner, position: { x: 100, y: 400 } };
  const { blocks } = spread(stateOf(container, deep, { id: 'below', position: { x: 100, y: 400 } }));
  expect(blocks.below?.position).toEqual({ x: 100, y: 400 + 120 + 40 + 48 });
});

test('nothing moves where nothing overlaps', () => {
  const state = stateOf(
    container,
    { ...inner, position: { x: 100, y: 90 } },
    { id: 'after', position: { x: 600, y: 0 } },
  );
  expect(spread(state)).toBe(state);
});
