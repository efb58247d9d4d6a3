import { expect, test } from 'vitest';
import { maskReferences, referenceCheck, referencesIn } from '@/workflow/reference-check';
import { type Block, readState } from '@/workflow/state';

function block(id: string, type: string, name: string, more: Partial<Block> = {}): Block {
  return { id, type, name, position: { x: 0, y: 0 }, subBlocks: {}, ...more };
}

const STATE = readState({
  blocks: {
    start: block('start', 'start_trigger', 'Start'),
    loop: block('loop', 'loop', 'Loop 1', { data: {} }),
    inner: block('inner', 'function', 'Inner', { data: { parentId: 'loop' } }),
    last: block('last', 'function', 'Last One'),
  },
  edges: [
    { id: 'e1', source: 'start', target: 'loop' },
    { id: 'e2', source: 'loop', target: 'inner', sourceHandle: 'loop-start-source' },
    { id: 'e3', source: 'loop', target: 'last', sourceHandle: 'loop-end-source' },
  ],
});
const checkOf = (id: string) => referenceCheck(STATE, id, [{ text: 'variable.limit', owner: 'Variable' }]);

test('finds references with a path and secrets, but no tags or comparisons', () => {
  const text = 'if (<start.input> < 3 && 4 > b) return "<div>" + <a.b[0].c> + {{KEY}} + {{my.key-2}}';
  expect(referencesIn(text).map(({ from, to }) => text.slice(from, to))).toEqual([
    '<start.input>',
    '<a.b[0].c>',
    '{{KEY}}',
    '{{my.key-2}}',
  ]);
});

test('accepts preceding blocks, containers around and variables', () => {
  const check = checkOf('inner');
  for (const text of ['start.input', 'START.input', 'loop.index', 'variable.limit']) expect(check(text)).toBeNull();
});

test('explains why a reference cannot be resolved', () => {
  expect(checkOf('last')('begin.input')).toBe('No block is named “begin”.');
  expect(checkOf('start')('lastone.result')).toBe('Last One does not run before this block.');
  expect(checkOf('last')('loop.index')).toBe('<loop.index> is available only inside a loop.');
  expect(checkOf('last')('variable.limits')).toBe('No variable is named “limits”.');
});

test('masks references without moving what follows', () => {
  expect(maskReferences('{"a": <start.input>, "b": 1}', true)).toBe('{"a": 0            , "b": 1}');
  expect(maskReferences('return <start.input>;', false)).toBe('return _____________;');
});
