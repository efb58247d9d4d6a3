import { expect, test } from 'vitest';
import { reuseUnchanged } from '@/canvas/reuse-unchanged';

const drawn = () => [
  { id: 'a', data: { rows: [{ title: 'Code' }] } },
  { id: 'b', data: { rows: [] } },
];

test('returns the previous list if nothing changed', () => {
  const before = drawn();
  expect(reuseUnchanged(before, drawn())).toBe(before);
});

test('replaces only the items that changed', () => {
  const before = drawn();
  const [, b] = drawn();
  const a = { id: 'a', data: { rows: [{ title: 'Text' }] } };
  const now = reuseUnchanged(before, [a, b as (typeof before)[number]]);
  expect(now[0]).toBe(a);
  expect(now[1]).toBe(before[1]);
});

test.each([
  ['a removed item', (all: ReturnType<typeof drawn>) => all.slice(1)],
  ['an added item', (all: ReturnType<typeof drawn>) => [...all, { id: 'c', data: { rows: [] } }]],
  ['a different order', (all: ReturnType<typeof drawn>) => all.toReversed()],
])('detects %s', (_, change) => {
  const before = drawn();
  const now = change(drawn());
  expect(reuseUnchanged(before, now)).toStrictEqual(now);
});
