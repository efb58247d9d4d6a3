import { expect, test } from 'vitest';
import type { LogRow } from '@/api/logs';
import { activityByWorkflow, HOURS } from '@/home/activity';

const NOON = Date.parse('2026-11-28T12:00:00.000Z');

test.each([
  ['that just started counts for the last hour', -1_000, HOURS - 1],
  ['from a server whose clock is ahead counts for the last hour', 5_000, HOURS - 1],
  ['from 90 minutes ago counts for the hour before', -5_400_000, HOURS - 2],
])('a run %s', (_, later, hour) => {
  const startedAt = new Date(NOON + later).toISOString();
  const rows = [{ workflowId: 'W', executionId: 'R', level: 'info', startedAt } as LogRow];
  const activity = activityByWorkflow({ rows, isComplete: true }, NOON).get('W');
  expect(activity?.calls).toBe(1);
  expect(activity?.hours[hour]?.calls).toBe(1);
});
