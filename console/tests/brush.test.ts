import { expect, test } from 'vitest';
import { bucketAt, movedByKey, rangeBetween, rangeOf } from '@/runs/brush';

test.each([
  [-0.1, 0],
  [0, 0],
  [0.49, 1],
  [0.5, 2],
  [1, 3],
])('a place at %s of the width is in bucket %s of 4', (fraction, bucket) => {
  expect(bucketAt(fraction, 4)).toBe(bucket);
});

test('a range covers both buckets, in either direction', () => {
  expect(rangeBetween(2, 5)).toEqual({ start: 2, end: 6 });
  expect(rangeBetween(5, 2)).toEqual({ start: 2, end: 6 });
});

test.each([
  ['start', 'ArrowRight', { start: 3, end: 5 }],
  ['start', 'ArrowLeft', { start: 1, end: 5 }],
  ['start', 'Home', { start: 0, end: 5 }],
  ['start', 'End', { start: 4, end: 5 }],
  ['end', 'ArrowRight', { start: 2, end: 6 }],
  ['end', 'Home', { start: 2, end: 3 }],
  ['end', 'End', { start: 2, end: 24 }],
  ['end', 'PageUp', { start: 2, end: 7 }],
] as const)('on the %s of a range, %s moves it, and never past the other edge', (edge, key, moved) => {
  expect(movedByKey({ start: 2, end: 5 }, edge, key, 24)).toEqual(moved);
});

test('other keys do not move a range', () => {
  expect(movedByKey({ start: 2, end: 5 }, 'start', 'Tab', 24)).toBeNull();
});

test('a time range selects the buckets that it overlaps', () => {
  expect(rangeOf([0, 10, 20, 30], 40, 10, 30)).toEqual({ start: 1, end: 3 });
  expect(rangeOf([0, 10, 20, 30], 40, 15, 16)).toEqual({ start: 1, end: 2 });
});

test('a time range outside the buckets, or around all of them, selects none', () => {
  expect(rangeOf([0, 10, 20, 30], 40, 50, 60)).toBeNull();
  expect(rangeOf([0, 10, 20, 30], 40, 0, 40)).toBeNull();
});
