import { afterEach, describe, expect, test, vi } from 'vitest';
import { nextHandle } from '@/workflow/branches';
import { withContainers } from '@/workflow/containers';
import { DraftStore } from '@/workflow/draft-store';
import * as edit from '@/workflow/edit';
import { connectionProblem } from '@/workflow/graph';
import { autoLayout } from '@/workflow/layout';
import { nameProblem, referenceName } from '@/workflow/names';
import { type Block, readState, type WorkflowState } from '@/workflow/state';

function block(id: string, type: string, name: string, more: Partial<Block> = {}): Block {
  return { id, type, name, position: { x: 0, y: 0 }, subBlocks: {}, enabled: true, data: {}, ...more };
}

const CODE = { id: 'code', type: 'code', value: 'return <agent1.content> + <agent1> + <agent10.content>;' };

function sample(): WorkflowState {
  return readState({
    blocks: {
      start: block('start', 'start_trigger', 'Start'),
      loop: block('loop', 'loop', 'Each', { data: { loopType: 'forEach', collection: '<start.items>', count: 3 } }),
      inner: block('inner', 'function', 'Inner', { data: { parentId: 'loop', extent: 'parent' } }),
      agent: block('agent', 'agent', 'Agent 1'),
      last: block('last', 'function', 'Last', { subBlocks: { code: CODE } }),
    },
    edges: [
      { id: 'e1', source: 'start', target: 'loop', sourceHandle: 'source' },
      { id: 'e2', source: 'loop', target: 'inner', sourceHandle: 'loop-start-source' },
      { id: 'e3', source: 'loop', target: 'agent', sourceHandle: 'loop-end-source' },
      { id: 'e4', source: 'agent', target: 'last', sourceHandle: 'source' },
    ],
    metadata: { kept: true },
  } as Partial<WorkflowState>);
}

describe('reading and editing a state', () => {
  test('keeps unknown keys', () => {
    expect(readState(sample()).metadata).toEqual({ kept: true });
  });

  test('converts the variables of older files to an object by id', () => {
    const variable = { id: 'v', name: 'a', type: 'string', value: '1' };
    expect(readState({ variables: [variable] as never }).variables).toEqual({ v: variable });
  });

  test('keeps unknown keys of an edited block', () => {
    const state = edit.changeBlock(sample(), 'agent', { advancedMode: true });
    expect(edit.renameBlock(state, 'agent', 'Writer').blocks.agent).toMatchObject({ advancedMode: true });
  });
});

describe('renaming', () => {
  test('updates references to the block, and nothing else', () => {
    const value = edit.renameBlock(sample(), 'agent', 'My Writer').blocks.last?.subBlocks.code?.value;
    expect(value).toBe('return <mywriter.content> + <mywriter> + <agent10.content>;');
  });

  test('keeps the identity of blocks without a reference', () => {
    const before = sample();
    expect(edit.renameBlock(before, 'agent', 'Writer').blocks.inner).toBe(before.blocks.inner);
  });

  test.each(['', 'loop', 'start', ' S t a r t', 'Q+A', 'In/Out', 'Ready!'])('refuses %j', (name) => {
    expect(nameProblem(sample(), 'agent', name)).not.toBeNull();
  });

  test('normalizes names as references do', () => {
    expect(referenceName('My Block v1.2')).toBe('myblockv12');
  });
});

describe('containers', () => {
  test('are derived from their blocks', () => {
    expect(withContainers(sample()).loops.loop).toMatchObject({
      nodes: ['inner'],
      loopType: 'forEach',
      forEachItems: '<start.items>',
      iterations: 3,
    });
  });

  test('are removed with their children', () => {
    const state = edit.removeBlocks(sample(), ['loop']);
    expect(Object.keys(state.blocks)).toEqual(['start', 'agent', 'last']);
    expect(state.edges.map((edge) => edge.id)).toEqual(['e4']);
  });

  test('allow no connection across their border', () => {
    expect(connectionProblem(sample(), { source: 'inner', target: 'last' })).toMatch(/border/);
    const out = edit.moveInto(sample(), 'inner', null, { x: 1, y: 2 });
    expect(out.edges.map((edge) => edge.id)).toEqual(['e1', 'e3', 'e4']);
    expect(out.blocks.inner?.data).toEqual({});
  });
});

test.each([
  ['the first start block has no number', 'start_trigger', 'Start', 'Start'],
  ['other blocks are numbered from 1', 'agent', 'Agent', 'Agent 1'],
])('%s', (_, type, title, name) => {
  const made = edit.addBlock(readState({}), { type, title, subBlocks: {} }, { x: 0, y: 0 }, null);
  expect(made.state.blocks[made.id]?.name).toBe(name);
});

test('a start block does not reuse the name of another block', () => {
  const start = { type: 'start_trigger', title: 'Start', subBlocks: {} };
  const made = edit.addBlock(sample(), start, { x: 0, y: 0 }, null);
  expect(made.state.blocks[made.id]?.name).toBe('Start 1');
});

test('a new block does not overlap another', () => {
  const loop = { type: 'loop', title: 'Loop', subBlocks: {} };
  const first = edit.addBlock(sample(), loop, { x: 600, y: 80 }, null);
  const second = edit.addBlock(first.state, loop, { x: 600, y: 80 }, null);
  expect(first.state.blocks[first.id]?.position).toEqual({ x: 600, y: 80 });
  expect(second.state.blocks[second.id]?.position).toEqual({ x: 600, y: 428 });
});

test('a new block avoids the measured size of blocks in the same container only', () => {
  const block = { type: 'function', title: 'Function', subBlocks: {} };
  const sizes = new Map([['agent', { width: 250, height: 610.4 }]]);
  const apart = edit.changeBlock(sample(), 'agent', { position: { x: 900, y: 0 } });
  const placed = (parent: string | null, x: number) => {
    const made = edit.addBlock(apart, block, { x, y: 20 }, parent, sizes);
    return made.state.blocks[made.id]?.position;
  };
  expect(placed(null, 700)).toEqual({ x: 700, y: 658 });
  expect(placed('loop', 900)).toEqual({ x: 900, y: 20 });
});

test('the next block after a condition connects to the first free branch', () => {
  const made = edit.addBlock(sample(), { type: 'condition', title: 'Condition', subBlocks: {} }, { x: 0, y: 0 }, null);
  const condition = made.state.blocks[made.id] as Block;
  const taken = edit.connect(made.state, { source: made.id, target: 'last', sourceHandle: `condition-${made.id}-if` });
  expect(nextHandle(made.state, condition)).toBe(`condition-${made.id}-if`);
  expect(nextHandle(taken, condition)).toBe(`condition-${made.id}-else`);
});

describe('connecting', () => {
  test('rejects cycles, duplicates and self-connections', () => {
    const state = sample();
    expect(connectionProblem(state, { source: 'last', target: 'agent' })).toMatch(/cycle/);
    expect(connectionProblem(state, { source: 'agent', target: 'last', sourceHandle: 'source' })).toMatch(/already/);
    expect(connectionProblem(state, { source: 'agent', target: 'agent' })).toMatch(/itself/);
  });

  test('removing a branch removes its edges', () => {
    const made = edit.addBlock(
      sample(),
      { type: 'condition', title: 'Condition', subBlocks: {} },
      { x: 0, y: 0 },
      null,
    );
    const handle = `condition-${made.id}-if`;
    const state = edit.connect(made.state, { source: made.id, target: 'last', sourceHandle: handle });
    expect(state.edges.at(-1)?.sourceHandle).toBe(handle);
    expect(edit.setValue(state, made.id, 'conditions', 'condition-input', '[]').edges).toHaveLength(4);
  });
});

describe('undo and redo', () => {
  test('restores every change', () => {
    const first = sample();
    const store = new DraftStore(first);
    store.edit((state) => edit.renameBlock(state, 'agent', 'Writer'));
    const second = store.state();
    store.undo();
    expect(store.state()).toBe(first);
    store.redo();
    expect(store.state()).toBe(second);
  });

  test('groups consecutive typing into one change', () => {
    const first = sample();
    const store = new DraftStore(first);
    for (const value of ['a', 'ab', 'abc']) {
      store.edit((state) => edit.setValue(state, 'agent', 'model', 'combobox', value), 'agent model');
    }
    store.undo();
    expect(store.state()).toBe(first);
  });

  describe('when the system clock changes', () => {
    afterEach(() => vi.useRealTimers());

    function typedWithStep(stepMs: number, pauseMs: number): DraftStore {
      vi.useFakeTimers({ toFake: ['Date', 'performance'] });
      const store = new DraftStore(sample());
      const type = (value: string) =>
        store.edit((state) => edit.setValue(state, 'agent', 'model', 'combobox', value), 'agent model');
      type('a');
      vi.advanceTimersByTime(pauseMs);
      vi.setSystemTime(Date.now() + stepMs);
      type('ab');
      store.undo();
      return store;
    }

    test('a jump forward does not split a group', () => {
      expect(typedWithStep(30_000, 100).canUndo).toBe(false);
    });

    test('a jump back does not merge two groups', () => {
      expect(typedWithStep(-30_000, 5_000).canUndo).toBe(true);
    });
  });

  test('an edit without changes is not recorded', () => {
    const store = new DraftStore(sample());
    store.edit((state) => state);
    expect(store.canUndo).toBe(false);
  });
});

test('auto layout places successors to the right and fits containers around their children', () => {
  const sizes = new Map([['inner', { width: 250, height: 400 }]]);
  const { blocks } = autoLayout(sample(), sizes);
  const x = (id: string) => blocks[id]?.position.x ?? 0;
  expect(x('start') < x('loop') && x('loop') < x('agent') && x('agent') < x('last')).toBe(true);
  expect(blocks.loop?.data?.height).toBeGreaterThan(400);
});

test('auto layout places the blocks of branches in the order of the branches', () => {
  const conditions = ['if', 'else'].map((title) => ({ id: `choice-${title}`, title, value: '' }));
  const choice = { id: 'conditions', type: 'condition-input', value: JSON.stringify(conditions) };
  const edge = (source: string, target: string, sourceHandle = 'source') => ({
    id: `${source}-${target}`,
    source,
    target,
    sourceHandle,
  });
  const state = readState({
    blocks: {
      choice: block('choice', 'condition', 'Choice', { subBlocks: { conditions: choice } }),
      urgent: block('urgent', 'response', 'Urgent'),
      answer: block('answer', 'agent', 'Answer'),
      reply: block('reply', 'response', 'Reply'),
    },
    edges: [
      edge('choice', 'urgent', 'condition-choice-if'),
      edge('choice', 'answer', 'condition-choice-else'),
      edge('answer', 'reply'),
    ],
  });
  const { blocks } = autoLayout(state, new Map());
  const y = (id: string) => blocks[id]?.position.y ?? 0;
  expect(y('urgent')).toBeLessThan(y('answer'));
});
