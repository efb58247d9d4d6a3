import { expect, test } from 'vitest';
import { cost, duration, elapsed } from '@/app/format';

test.each([
  [0.4, '<1 ms'],
  [999, '999 ms'],
  [1_000, '1.00 s'],
  [9_990, '9.99 s'],
  [59_900, '59.9 s'],
  [59_960, '1 min 0 s'],
  [60_000, '1 min 0 s'],
  [119_400, '1 min 59 s'],
  [119_600, '2 min 0 s'],
  [3_599_700, '60 min 0 s'],
])('a duration of %d ms is told without sixty seconds', (ms, told) => {
  expect(duration(ms)).toBe(told);
});

test.each([
  [999, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min 0 s'],
])('what goes on for %d ms already is told in whole seconds', (ms, told) => {
  expect(elapsed(ms)).toBe(told);
});

test.each([
  [0.0012345, '$0.00123'],
  [15.78, '$15.78'],
  [1_234.56, '$1,234.56'],
  [999.99, '$999.99'],
])('a cost of %d dollars is told to the cent', (dollars, told) => {
  expect(cost(dollars)).toBe(told);
});
