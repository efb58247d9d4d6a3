import { expect, test } from 'vitest';
import { carriedOver } from '@/canvas/carried-over';

const drawn = () => [
  { id: 'a', data: { rows: [{ title: 'Code' }] } },
  { id: 'b', data: { rows: [] } },
];

test('where nothing differs, the list itself stays', () => {
  const before = drawn();
  expect(carriedOver(before, drawn())).toBe(before);
});

test('what differs is new, and the rest stays', () => {
  const before = drawn();
  const [, b] = drawn();
  const a = { id: 'a', data: { rows: [{ title: 'Text' }] } };
  const now = carriedOver(before, [a, b as (typeof before)[number]]);
  expect(now[0]).toBe(a);
  expect(now[1]).toBe(before[1]);
});

test.each([
  ['one that went', (all: ReturnType<typeof drawn>) => all.slice(1)],
  ['one that came', (all: ReturnType<typeof drawn>) => [...all, { id: 'c', data: { rows: [] } }]],
  ['another order', (all: ReturnType<typeof drawn>) => all.toReversed()],
])('%s is told', (_, change) => {
  const before = drawn();
  const now = change(drawn());
  expect(carriedOver(before, now)).toStrictEqual(now);
});
