import { expect, test } from 'vitest';
import { chipsOf, filtersOf, listQuery, overviewPeriod, withFilters, without } from '@/runs/filters';

const NOON = Date.parse('2026-11-28T12:00:00.000Z');
const of = (query: string) => filtersOf(new URLSearchParams(query));
const labels = (query: string) => chipsOf(of(query), {}).map(({ label }) => label);

test('invalid filters of an address are dropped', () => {
  expect(of('status=lost&hours=3&minCost=much&from=soon&to=later&q=+&other=1')).toEqual({});
});

test('a version needs its workflow', () => {
  expect(of('version=2')).toEqual({});
  expect(of('workflow=W&version=2')).toEqual({ workflow: 'W', version: '2' });
});

test('a version is a number, or the draft of any workflow', () => {
  expect(listQuery(of('workflow=W&version=2'), NOON)).toMatchObject({ workflowIds: 'W', versions: '2' });
  expect(listQuery(of('version=draft'), NOON)).toMatchObject({ draft: 'true' });
});

test('a change of the workflow drops its version', () => {
  const search = withFilters(new URLSearchParams('workflow=W&version=2&live=off'), { workflow: 'X' });
  expect(search.toString()).toBe('workflow=X&live=off');
});

test('a period counts back from now', () => {
  expect(listQuery(of('hours=24'), NOON).startDate).toBe('2026-11-27T12:00:00.000Z');
  expect(overviewPeriod(of('hours=24'), NOON)).toEqual({
    from: '2026-11-27T12:00:00.000Z',
    to: '2026-11-28T12:00:00.000Z',
    label: 'Last 24 hours',
    interval: 1_800_000,
  });
});

test('a selected range filters the list, but not the overview', () => {
  const filters = of('hours=24&from=2026-11-28T01:00:00.000Z&to=2026-11-28T02:00:00.000Z');
  expect(listQuery(filters, NOON)).toMatchObject({
    startDate: '2026-11-28T01:00:00.000Z',
    endDate: '2026-11-28T02:00:00.000Z',
  });
  expect(overviewPeriod(filters, NOON).from).toBe('2026-11-27T12:00:00.000Z');
});

test.each([
  ['q=order+17', 'Search: order 17'],
  ['status=failed', 'Status: Failed'],
  ['trigger=api', 'Caller: API'],
  ['trigger=carrier-pigeon', 'Caller: carrier-pigeon'],
  ['minDurationMs=1500', 'Duration: at least 1.50 s'],
  ['maxDurationMs=1500', 'Duration: at most 1.50 s'],
  ['minCost=0.01&maxCost=2', 'Cost: $0.01 to $2'],
  ['hours=1', 'Time: Last hour'],
])('the filter %s is labeled %s', (query, label) => {
  expect(labels(query)).toEqual([label]);
});

test('without a chip, its filters are removed and the others stay', () => {
  const filters = of('minCost=1&maxCost=2&status=failed');
  const [status, cost] = chipsOf(filters, {});
  expect(status && without(filters, status)).toEqual({ minCost: '1', maxCost: '2' });
  expect(cost && without(filters, cost)).toEqual({ status: 'failed' });
});
