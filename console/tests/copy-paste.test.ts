import { describe, expect, test } from 'vitest';
import { copy, paste } from '@/workflow/copy-paste';
import { type Block, readState, type WorkflowState } from '@/workflow/state';

function block(id: string, type: string, name: string, more: Partial<Block> = {}): Block {
  return { id, type, name, position: { x: 0, y: 0 }, subBlocks: {}, enabled: true, data: {}, ...more };
}

function code(value: string): Block['subBlocks'] {
  return { code: { id: 'code', type: 'code', value } };
}

function workflow(blocks: Block[], edges: [string, string][] = []): WorkflowState {
  return readState({
    blocks: Object.fromEntries(blocks.map((each) => [each.id, each])),
    edges: edges.map(([source, target]) => ({ id: `${source} ${target}`, source, target })),
  });
}

const inside = (parentId: string) => ({ data: { parentId, extent: 'parent' } });

const nested = workflow(
  [
    block('fan', 'parallel', 'Fan'),
    block('loop', 'loop', 'Loop', inside('fan')),
    block('step', 'function', 'Step', { ...inside('loop'), subBlocks: code('return <ask.content> + <other.result>;') }),
    block('ask', 'agent', 'Ask', inside('loop')),
    block('other', 'function', 'Other'),
  ],
  [['ask', 'step']],
);

describe('a container', () => {
  test('is copied with all its descendants', () => {
    const piece = copy(nested, ['fan']);
    expect(piece.blocks.map((each) => each.id)).toEqual(['fan', 'loop', 'step', 'ask']);
    expect(piece.edges).toHaveLength(1);
  });

  test('is pasted with new ids for its children', () => {
    const { state, ids } = paste(nested, copy(nested, ['loop']));
    const [loop, step, unwrap] = ids.map((id) => state.blocks[id]);
    expect(loop?.data?.parentId).toBe('fan');
    expect([step?.data?.parentId, unwrap?.data?.parentId]).toEqual([loop?.id, loop?.id]);
    expect(state.edges.at(-1)).toMatchObject({ source: unwrap?.id, target: step?.id });
  });
});

describe('names', () => {
  test('are kept if unused, otherwise numbered', () => {
    const piece = copy(nested, ['ask', 'other']);
    const there = paste(workflow([block('b', 'agent', 'Ask')]), piece);
    expect(there.ids.map((id) => there.state.blocks[id]?.name)).toEqual(['Ask 1', 'Other']);
  });

  test('that change update references between the copied blocks only', () => {
    const { state, ids } = paste(nested, copy(nested, ['step', 'ask']));
    const [step] = ids.map((id) => state.blocks[id]);
    expect(step?.subBlocks.code?.value).toBe('return <ask1.content> + <other.result>;');
    expect(state.blocks.step?.subBlocks.code?.value).toBe('return <ask.content> + <other.result>;');
  });

  test('with consecutive numbers are renamed independently', () => {
    const first = block('one', 'agent', 'Agent 1');
    const second = block('two', 'agent', 'Agent 2', { subBlocks: code('<agent1.content> <agent2.content>') });
    const state = workflow([first, second]);
    const pasted = paste(state, copy(state, ['one', 'two']));
    expect(pasted.ids.map((id) => pasted.state.blocks[id]?.name)).toEqual(['Agent 3', 'Agent 4']);
    expect(pasted.state.blocks[pasted.ids[1] ?? '']?.subBlocks.code?.value).toBe('<agent3.content> <agent4.content>');
  });
});

test('a block from a container is pasted without a parent if the container does not exist', () => {
  const { state, ids } = paste(workflow([]), copy(nested, ['step']));
  expect(state.blocks[ids[0] ?? '']).toMatchObject({ data: {}, position: { x: 48, y: 48 } });
});

test('text that contains the id of a block is not changed', () => {
  const state = workflow([block('ask', 'agent', 'Ask', { subBlocks: code('return "ask someone";') })]);
  const { state: pasted, ids } = paste(state, copy(state, ['ask']));
  expect(pasted.blocks[ids[0] ?? '']?.subBlocks.code?.value).toBe('return "ask someone";');
});

test('branches and their edges get the id of the new block', () => {
  const conditions = JSON.stringify([{ id: 'cond-if', title: 'if', value: '<other.result> == "cond-if"' }]);
  const subBlocks = { conditions: { id: 'conditions', type: 'condition-input', value: conditions } };
  const state = workflow([block('cond', 'condition', 'Which', { subBlocks }), block('other', 'function', 'Other')]);
  state.edges.push({ id: 'e', source: 'cond', target: 'other', sourceHandle: 'condition-cond-if' });
  const { state: pasted, ids } = paste(state, copy(state, ['cond', 'other']));
  const [cond] = ids;
  expect(JSON.parse(String(pasted.blocks[cond ?? '']?.subBlocks.conditions?.value))).toEqual([
    { id: `${cond}-if`, title: 'if', value: '<other1.result> == "cond-if"' },
  ]);
  expect(pasted.edges.at(-1)?.sourceHandle).toBe(`condition-${cond}-if`);
});
