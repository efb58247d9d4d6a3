import type { Statistics, WorkflowStatistics } from '@/api/statistics';

interface Hour {
  calls: number;
  errors: number;
}

/** Calls of a workflow in the last 24 hours, oldest hour first, and its last run of any time. */
export interface Activity {
  hours: readonly Hour[];
  calls: number;
  errors: number;
  lastRun: { id: string; status: NonNullable<WorkflowStatistics['lastRun']>['status']; endedAt: string } | null;
}

/** Return the activity of each workflow that has any. */
export function activityByWorkflow({ workflows }: Statistics): Map<string, Activity> {
  return new Map((workflows ?? []).map((each) => [each.workflowId, activityOf(each)]));
}

function activityOf({ runs, errors, totals, lastRun, lastEndedAt }: WorkflowStatistics): Activity {
  return {
    hours: runs.map((calls, index) => ({ calls, errors: errors[index] ?? 0 })),
    calls: totals.runs,
    errors: totals.errors,
    lastRun: lastRun && lastEndedAt ? { ...lastRun, endedAt: lastEndedAt } : null,
  };
}

const HOURS = 24;

export const NO_ACTIVITY: Activity = {
  hours: Array.from({ length: HOURS }, () => ({ calls: 0, errors: 0 })),
  calls: 0,
  errors: 0,
  lastRun: null,
};
