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
  /** Whether these were all; there were more calls than are counted where not. */
  isWhole: boolean;
}

/** What each workflow did in the last 24 hours, by the hour, oldest first. */
export function activityByWorkflow({ rows, areAll }: RecentRuns, now: number): Map<string, Activity> {
  const found = new Map<string, Activity>();
  for (const run of rows) {
    // The server's clock may be ahead of this one.
    const ago = Math.max(0, now - Date.parse(run.startedAt));
    const hour = HOURS - 1 - Math.floor(ago / HOUR_MS);
    const activity = found.get(run.workflowId) ?? quiet(areAll);
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

/** Since when all runs are counted, where they are too many for a whole day; null where it is a whole day. */
export function countedSince({ rows, areAll }: RecentRuns): string | null {
  return areAll ? null : (rows.at(-1)?.startedAt ?? new Date().toISOString());
}

export function quiet(isWhole: boolean): Activity {
  return {
    hours: Array.from({ length: HOURS }, () => ({ calls: 0, errors: 0 })),
    calls: 0,
    errors: 0,
    last: null,
    isWhole,
  };
}
