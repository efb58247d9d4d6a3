import { expect, test } from 'vitest';
import type { Statistics } from '@/api/statistics';
import { activityByWorkflow } from '@/home/activity';

const TOTALS = { runs: 3, errors: 1, p50Ms: 5, p95Ms: 9, tokens: 0, cost: 0 };

function statistics(more: object): Statistics {
  const one = { workflowId: 'W', runs: [1, 0, 2], errors: [0, 0, 1], totals: TOTALS, lastEndedAt: null, lastRun: null };
  return { interval: 1, buckets: [], totals: TOTALS, countedFrom: null, workflows: [{ ...one, ...more }] };
}

test('the calls of each hour are those of its bucket', () => {
  const activity = activityByWorkflow(statistics({})).get('W');
  expect(activity?.hours.map(({ calls, errors }) => [calls, errors])).toEqual([
    [1, 0],
    [0, 0],
    [2, 1],
  ]);
  expect(activity).toMatchObject({ calls: 3, errors: 1, lastRun: null });
});

test('the last run has the time of its end', () => {
  const lastRun = { id: 'R', status: 'failed' };
  const lastEndedAt = '2026-11-28T12:00:00.000Z';
  const activity = activityByWorkflow(statistics({ lastRun, lastEndedAt })).get('W');
  expect(activity?.lastRun).toEqual({ id: 'R', status: 'failed', endedAt: lastEndedAt });
});
