import type { LogRow } from '@/api/logs';
import type { LogDetail } from '@/api/runs';

export type RunStatus = LogRow['status'];

export const STATUS_TONES = {
  queued: 'quiet',
  processing: 'blue',
  completed: 'green',
  failed: 'red',
  cancelled: 'quiet',
  paused: 'amber',
} as const;

/** Labels of the triggers. */
export const TRIGGER_LABELS: Record<string, string> = {
  api: 'API',
  manual: 'Console',
  chat: 'Chat',
  mcp: 'MCP',
  a2a: 'A2A',
  workflow: 'Workflow',
};

/** Return the trigger and caller of a run. */
export function callerOf({ trigger, caller }: Pick<LogRow, 'trigger' | 'caller'>): string {
  const way = TRIGGER_LABELS[trigger] ?? trigger;
  return caller ? `${way} · ${caller}` : way;
}

/** Return the name of the workflow of a run. */
export function nameOf(run: LogDetail): string {
  return (run.workflow?.name as string | null) ?? 'Deleted workflow';
}

export const STATUS_LABELS: Record<RunStatus, string> = {
  queued: 'Queued',
  processing: 'Running',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
  paused: 'Paused',
};
