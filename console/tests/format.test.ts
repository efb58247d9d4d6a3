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
])('formats a duration of %d ms', (ms, expected) => {
  expect(duration(ms)).toBe(expected);
});

test.each([
  [999, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min 0 s'],
])('formats an elapsed time of %d ms in whole seconds', (ms, expected) => {
  expect(elapsed(ms)).toBe(expected);
});

test.each([
  [0.0012345, '$0.00123'],
  [15.78, '$15.78'],
  [1_234.56, '$1,234.56'],
  [999.99, '$999.99'],
])('formats a cost of %d dollars', (dollars, expected) => {
  expect(cost(dollars)).toBe(expected);
});
