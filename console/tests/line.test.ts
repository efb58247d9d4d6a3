import { expect, test } from 'vitest';
import { lineOf } from '@/runs/line';

const SCALE = { step: 10, height: 40, top: 100 };

test('a line passes through the middles of the buckets', () => {
  expect(lineOf([0, 50, 100], SCALE)).toBe('M5 40L15 20L25 0');
});

test('a bucket without a value interrupts the line', () => {
  expect(lineOf([0, 50, null, 100, 50], SCALE)).toBe('M5 40L15 20M35 0L45 20');
});

test('a single value is a short stroke', () => {
  expect(lineOf([null, 50, null], SCALE)).toBe('M12.5 20h5');
});

test('no values are no line', () => {
  expect(lineOf([null, null], SCALE)).toBe('');
});
