import { expect, test } from 'vitest';
import { lineDiff } from '@/workflow/line-diff';

/** Return a diff as text: `-` removed, `+` added, `@` the number of lines left out. */
function diff(before: string, after: string): string[] {
  const signs = { same: ' ', removed: '-', added: '+' };
  return lineDiff(before, after).map((row) => (row.kind === 'gap' ? `@${row.lines}` : signs[row.kind] + row.text));
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => String(from + at));

test('changed lines are shown between unchanged ones', () => {
  expect(diff('a\nb\nc', 'a\nx\nc')).toEqual([' a', '-b', '+x', ' c']);
});

test('lines that moved along with an insertion are unchanged', () => {
  expect(diff('a\nb\nc\nd', 'new\na\nb\nx\nd')).toEqual(['+new', ' a', ' b', '-c', '+x', ' d']);
});

test('unchanged lines far from a change are left out', () => {
  const before = numbers(1, 20).join('\n');
  expect(diff(before, before.replace('\n10\n', '\nten\n'))).toEqual([
    '@6',
    ...[' 7', ' 8', ' 9', '-10', '+ten', ' 11', ' 12', ' 13'],
    '@7',
  ]);
});

test('equal texts have no changes', () => {
  expect(diff('a\nb', 'a\nb')).toEqual(['@2']);
});

test('a text that was empty is added, apart from its empty line', () => {
  expect(diff('', 'a\nb')).toEqual(['-', '+a', '+b']);
});

test('very long texts without common lines are shown as replaced', () => {
  const before = numbers(1, 2_000).map((line) => `old ${line}`);
  const after = numbers(1, 2_000).map((line) => `new ${line}`);
  const rows = diff(['same', ...before].join('\n'), ['same', ...after].join('\n'));
  expect(rows).toEqual([' same', ...before.map((line) => `-${line}`), ...after.map((line) => `+${line}`)]);
});
