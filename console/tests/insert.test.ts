import { describe, expect, test } from 'vitest';
import { insertBlock, type Placement, placementAfter } from '@/workflow/insert';
import { type Block, readState, type WorkflowState } from '@/workflow/state';

const MADE = { type: 'function', title: 'Function', subBlocks: {} };
const NO_SIZES = new Map();

function block(id: string, type: string, x: number, y: number, more: Partial<Block> = {}): Block {
  return { id, type, name: id, position: { x, y }, subBlocks: {}, enabled: true, data: {}, ...more };
}

function sample(): WorkflowState {
  return readState({
    blocks: {
      start: block('start', 'start_trigger', 0, 0),
      agent: block('agent', 'agent', 330, 0),
      last: block('last', 'function', 660, 0),
      apart: block('apart', 'function', 330, 900),
      loop: block('loop', 'loop', 2000, 0, { data: { width: 500, height: 300 } }),
      inner: block('inner', 'function', 130, 70, { data: { parentId: 'loop', extent: 'parent' } }),
    },
    edges: [
      { id: 'e1', source: 'start', target: 'agent', sourceHandle: 'source' },
      { id: 'e2', source: 'agent', target: 'last', sourceHandle: 'source' },
      { id: 'e3', source: 'loop', target: 'inner', sourceHandle: 'loop-start-source' },
    ],
  } as Partial<WorkflowState>);
}

function inserted(placement: Placement, made = MADE) {
  const { state, id } = insertBlock(sample(), made, placement);
  const ends = state.edges.map(({ source, target }) => `${source} → ${target}`.replaceAll(id, 'new'));
  return { state, ends, made: state.blocks[id] as Block };
}

describe('a block inserted on a connection', () => {
  test('replaces the connection by two', () => {
    expect(inserted({ kind: 'edge', edge: 'e1' }).ends.sort()).toEqual([
      'agent → last',
      'loop → inner',
      'new → agent',
      'start → new',
    ]);
  });

  test('moves the blocks that follow to the right, and no others', () => {
    const { state, made } = inserted({ kind: 'edge', edge: 'e1' });
    expect(made.position).toEqual({ x: 330, y: 0 });
    expect(['agent', 'last', 'start', 'apart'].map((id) => state.blocks[id]?.position.x)).toEqual([660, 990, 0, 330]);
  });

  test('moves nothing where there is room', () => {
    const before = sample();
    const wide = { ...before, blocks: { ...before.blocks, agent: block('agent', 'agent', 1000, 0) } };
    const { state, id } = insertBlock(wide, MADE, { kind: 'edge', edge: 'e1' });
    expect(state.blocks.agent?.position.x).toBe(1000);
    expect(state.blocks[id]?.position.x).toBe(500);
  });

  test('leaves a new condition by its first branch', () => {
    const { state, made } = inserted({ kind: 'edge', edge: 'e1' }, { ...MADE, type: 'condition', title: 'Condition' });
    expect(state.edges.find(({ source }) => source === made.id)?.sourceHandle).toBe(`condition-${made.id}-if`);
  });

  test('stays in the container of the connection', () => {
    const { ends, made } = inserted({ kind: 'edge', edge: 'e3' });
    expect(made.data?.parentId).toBe('loop');
    expect(ends).toContain('loop → new');
    expect(ends).toContain('new → inner');
  });
});

describe('a block added after another', () => {
  const placedAfter = (id: string, handle: string | null = null) => {
    const state = sample();
    return placementAfter(state, state.blocks[id] as Block, handle, NO_SIZES);
  };

  test('goes on the only connection of the block', () => {
    expect(placedAfter('agent')).toEqual({ kind: 'edge', edge: 'e2' });
  });

  test('goes to the right of a block without a connection', () => {
    expect(placedAfter('last')).toEqual({ kind: 'after', source: 'last', handle: 'source', at: { x: 990, y: 0 } });
  });

  test('goes into a container, or behind it if its output is named', () => {
    expect(placedAfter('loop')).toMatchObject({ kind: 'after', handle: 'loop-start-source', at: { x: 130, y: 70 } });
    expect(placedAfter('loop', 'loop-end-source')).toMatchObject({ handle: 'loop-end-source', at: { x: 2580, y: 0 } });
  });

  test('gets a second connection of the container only if the first is free', () => {
    const { ends, made } = inserted(placedAfter('loop'));
    expect(made.data?.parentId).toBe('loop');
    expect(ends).not.toContain('loop → new');
  });
});

test('a block is connected to the block that a connection was dragged back from', () => {
  const { ends, made } = inserted({ kind: 'before', target: 'apart', at: { x: 0, y: 900 } });
  expect(ends).toContain('new → apart');
  expect(made.position).toEqual({ x: 0, y: 900 });
});
