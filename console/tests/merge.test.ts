import { expect, test } from 'vitest';
import { type Conflict, conflictsOf, isEqual, merge, settingChanges } from '@/workflow/merge';
import { readState, type WorkflowState } from '@/workflow/state';

const NO_CHOICE = new Map();

function code(id: string, text: string, more: object = {}) {
  const subBlocks = { code: { id: 'code', type: 'code', value: text } };
  return { [id]: { id, type: 'function', name: id.toUpperCase(), position: { x: 0, y: 0 }, subBlocks, ...more } };
}

function stateOf(blocks: object, edges: [string, string][] = [], more: object = {}): WorkflowState {
  const connections = edges.map(([source, target]) => ({ id: `${source}${target}`, source, target }));
  return readState({ blocks, edges: connections, ...more } as never);
}

function codeOf(state: WorkflowState, id: string) {
  return state.blocks[id]?.subBlocks.code?.value;
}

const base = stateOf({ ...code('a', '1'), ...code('b', '1'), ...code('c', '1') }, [
  ['a', 'b'],
  ['b', 'c'],
]);

test('changes of different blocks are combined without a conflict', () => {
  const mine = stateOf({ ...base.blocks, ...code('a', 'mine') }, [['a', 'b']]);
  const theirs = stateOf({ ...base.blocks, ...code('b', 'theirs') }, [
    ['a', 'b'],
    ['b', 'c'],
    ['a', 'c'],
  ]);
  expect(conflictsOf(base, mine, theirs)).toEqual([]);
  const merged = merge(base, mine, theirs, NO_CHOICE);
  expect([codeOf(merged, 'a'), codeOf(merged, 'b'), codeOf(merged, 'c')]).toEqual(['mine', 'theirs', '1']);
  expect(merged.edges.map(({ id }) => id)).toEqual(['ab', 'ac']);
});

test('a block that both changed is a conflict, which a choice resolves', () => {
  const mine = stateOf({ ...base.blocks, ...code('a', 'mine') });
  const theirs = stateOf({ ...base.blocks, ...code('a', 'theirs') });
  const [conflict] = conflictsOf(base, mine, theirs);
  expect(conflict?.name).toBe('A');
  expect(settingChanges(conflict as Conflict)).toEqual([{ field: 'code', mine: 'mine', theirs: 'theirs' }]);
  expect(codeOf(merge(base, mine, theirs, new Map([['block a', 'theirs']])), 'a')).toBe('theirs');
  expect(codeOf(merge(base, mine, theirs, NO_CHOICE), 'a')).toBe('mine');
});

test('a block moved by one author and changed by the other gets both', () => {
  const mine = stateOf({ ...base.blocks, ...code('a', '1', { position: { x: 50, y: 0 } }) });
  const theirs = stateOf({ ...base.blocks, ...code('a', 'theirs') });
  expect(conflictsOf(base, mine, theirs)).toEqual([]);
  const merged = merge(base, mine, theirs, NO_CHOICE);
  expect([codeOf(merged, 'a'), merged.blocks.a?.position.x]).toEqual(['theirs', 50]);
});

test('a block deleted by one author and changed by the other is a conflict', () => {
  const { a: _a, ...without } = base.blocks;
  const mine = stateOf(without, [['b', 'c']]);
  const theirs = stateOf({ ...base.blocks, ...code('a', 'theirs') }, [['a', 'b']]);
  expect(conflictsOf(base, mine, theirs)).toMatchObject([{ key: 'block a', mine: undefined }]);
  expect(merge(base, mine, theirs, NO_CHOICE).blocks.a).toBeUndefined();
  expect(codeOf(merge(base, mine, theirs, new Map([['block a', 'theirs']])), 'a')).toBe('theirs');
});

test('a block that one author deleted and the other left alone is deleted', () => {
  const { c: _c, ...without } = base.blocks;
  const theirs = stateOf(without, [['a', 'b']]);
  const merged = merge(base, base, theirs, NO_CHOICE);
  expect(Object.keys(merged.blocks)).toEqual(['a', 'b']);
  expect(merged.edges.map(({ id }) => id)).toEqual(['ab']);
});

test('variables are combined like blocks', () => {
  const variable = (id: string, value: string) => ({ [id]: { id, name: id, type: 'string', value } });
  const before = stateOf({}, [], { variables: { ...variable('v', '1'), ...variable('w', '1') } });
  const mine = stateOf({}, [], { variables: { ...variable('v', 'mine'), ...variable('w', 'mine') } });
  const theirs = stateOf({}, [], { variables: { ...variable('v', '1'), ...variable('w', 'theirs') } });
  expect(conflictsOf(before, mine, theirs)).toMatchObject([{ key: 'variable w' }]);
  const { variables } = merge(before, mine, theirs, new Map([['variable w', 'theirs']]));
  expect([variables.v?.value, variables.w?.value]).toEqual(['mine', 'theirs']);
});

test('containers list the blocks that are in them after both changes', () => {
  const loop = { loop: { id: 'loop', type: 'loop', name: 'Loop', position: { x: 0, y: 0 }, subBlocks: {}, data: {} } };
  const inside = (id: string) => code(id, '1', { data: { parentId: 'loop' } });
  const before = stateOf(loop);
  const merged = merge(before, stateOf({ ...loop, ...inside('m') }), stateOf({ ...loop, ...inside('t') }), NO_CHOICE);
  expect(merged.loops.loop).toMatchObject({ nodes: ['t', 'm'] });
});

test('the order of keys is no difference', () => {
  expect(isEqual({ a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ d: 3, c: 2 }], a: 1 })).toBe(true);
  expect(isEqual([1], { 0: 1 })).toBe(false);
});
