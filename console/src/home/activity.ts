import type { LogRow, RecentRuns } from '@/api/logs';

const HOUR_MS = 3_600_000;
export const HOURS = 24;

export interface Hour {
  calls: number;
  errors: number;
}

export interface Activity {
  hours: Hour[];
  calls: number;
  errors: number;
  last: LogRow | null;
  /** Whether all calls are counted; otherwise the numbers are lower bounds. */
  isComplete: boolean;
}

/** Return the calls of each workflow in the last 24 hours by hour, oldest hour first. */
export function activityByWorkflow({ rows, isComplete }: RecentRuns, now: number): Map<string, Activity> {
  const found = new Map<string, Activity>();
  for (const run of rows) {
    // The server's clock may be ahead of the browser's.
    const ageMs = Math.max(0, now - Date.parse(run.startedAt));
    const hour = HOURS - 1 - Math.floor(ageMs / HOUR_MS);
    const activity = found.get(run.workflowId) ?? emptyActivity(isComplete);
    found.set(run.workflowId, activity);
    if (!activity.last || run.startedAt > activity.last.startedAt) activity.last = run;
    const slot = activity.hours[hour];
    if (!slot) continue;
    const failed = run.level === 'error' ? 1 : 0;
    slot.calls += 1;
    slot.errors += failed;
    activity.calls += 1;
    activity.errors += failed;
  }
  return found;
}

/** Return the time from which all runs are counted, or null if the full 24 hours are counted. */
export function completeSince({ rows, isComplete }: RecentRuns): string | null {
  return isComplete ? null : (rows.at(-1)?.startedAt ?? new Date().toISOString());
}

export function emptyActivity(isComplete: boolean): Activity {
  return {
    hours: Array.from({ length: HOURS }, () => ({ calls: 0, errors: 0 })),
    calls: 0,
    errors: 0,
    last: null,
    isComplete,
  };
}
