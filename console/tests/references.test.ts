import { expect, test } from 'vitest';
import { type BlockType, type Catalog, outputsOf, settingsOf } from '@/workflow/catalog';
import { referencesFor } from '@/workflow/references';
import { type Block, type Json, readState } from '@/workflow/state';

function type(name: string, outputs: string[], more: Partial<BlockType> = {}): BlockType {
  return {
    type: name,
    title: name,
    category: 'block',
    description: '',
    settings: [],
    outputs: outputs.map((output) => ({ name: output, type: 'json', description: '' })),
    retryable: true,
    hasErrorPort: true,
    ...more,
  } as BlockType;
}

const CATALOG: Catalog = new Map(
  [type('start_trigger', ['input']), type('function', ['result', 'stdout']), type('loop', ['results'])].map((each) => [
    each.type,
    each,
  ]),
);

function block(id: string, kind: string, name: string, more: Partial<Block> = {}): Block {
  return { id, type: kind, name, position: { x: 0, y: 0 }, subBlocks: {}, ...more };
}

const FIELDS = { id: 'inputFormat', type: 'input-format', value: [{ name: 'topic', type: 'string' }] };

const STATE = readState({
  blocks: {
    start: block('start', 'start_trigger', 'Start', { subBlocks: { inputFormat: FIELDS } }),
    first: block('first', 'function', 'First One'),
    loop: block('loop', 'loop', 'Loop 1', { data: {} }),
    inner: block('inner', 'function', 'Inner', { data: { parentId: 'loop' } }),
    aside: block('aside', 'function', 'Aside'),
  },
  edges: [
    { id: 'e1', source: 'start', target: 'first' },
    { id: 'e2', source: 'first', target: 'loop' },
    { id: 'e3', source: 'loop', target: 'inner', sourceHandle: 'loop-start-source' },
  ],
  variables: { v: { id: 'v', name: 'My Var', type: 'string', value: '' } },
});

test('names that the engine would read as a comparison or tag are left out', () => {
  const fields = [{ name: 'topic' }, { name: 'and/or' }, { name: 'first name' }];
  const start = block('start', 'start_trigger', 'Start', {
    subBlocks: { inputFormat: { ...FIELDS, value: fields } },
  });
  const state = readState({
    blocks: { start, odd: block('odd', 'function', 'Q+A'), last: block('last', 'function', 'Last') },
    edges: [
      { id: 'e1', source: 'start', target: 'odd' },
      { id: 'e2', source: 'odd', target: 'last' },
    ],
  });
  const texts = referencesFor(state, 'last', CATALOG).map((reference) => reference.text);
  expect(texts.toSorted()).toEqual(['start.input', 'start.topic']);
});

test('a block can refer to preceding blocks, its containers and variables only', () => {
  const texts = referencesFor(STATE, 'inner', CATALOG).map((reference) => reference.text);
  expect(texts).toContain('start.topic');
  expect(texts).toContain('firstone.result');
  expect(texts).toContain('loop.currentItem');
  expect(texts).toContain('variable.myvar');
  expect(texts.some((text) => text.startsWith('aside') || text.startsWith('loop1'))).toBe(false);
});

test('a response format replaces the default outputs', () => {
  const value = JSON.stringify({ schema: { properties: { mood: { type: 'string' } } } });
  const agent = block('a', 'agent', 'A', {
    subBlocks: { responseFormat: { id: 'responseFormat', type: 'code', value } },
  });
  expect(outputsOf(agent, type('agent', ['content']))).toEqual(['mood']);
});

test('a setting is shown while its condition holds, including for default values', () => {
  const mode = { id: 'mode', title: 'Mode', type: 'dropdown', required: false, condition: null, default: 'a' };
  const shown = { ...mode, id: 'x', default: null, condition: { field: 'mode', isIn: ['a'], negated: false } };
  const kind = type('response', [], { settings: [mode, shown] as unknown as BlockType['settings'] });
  const ids = (value: string | null) =>
    settingsOf(block('r', 'response', 'R', { subBlocks: { mode: { id: 'mode', type: 'dropdown', value } } }), kind).map(
      (setting) => setting.id,
    );
  expect(ids(null)).toEqual(['mode', 'x']);
  expect(ids('b')).toEqual(['mode']);
});

test('nested fields of the last output are offered, of lists those of the first item', () => {
  const output = { result: { orders: [{ id: 1, total: 2 }, { other: 3 }] }, stdout: '' };
  const found = referencesFor(
    STATE,
    'inner',
    CATALOG,
    new Map<string, Json>([['first', output as unknown as Json]]),
  ).map(({ text }) => text);
  expect(found.filter((text) => text.startsWith('firstone.'))).toEqual([
    'firstone.result',
    'firstone.stdout',
    'firstone.result.orders',
    'firstone.result.orders[0]',
    'firstone.result.orders[0].id',
    'firstone.result.orders[0].total',
  ]);
});
