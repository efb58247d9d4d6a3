import type { LogRow } from '@/api/logs';

export type RunStatus = LogRow['status'];

export const TONES = {
  queued: 'quiet',
  processing: 'blue',
  completed: 'green',
  failed: 'red',
  cancelled: 'quiet',
  paused: 'amber',
} as const;

/** By which way a run was called. */
export const WAYS: Record<string, string> = {
  api: 'API',
  manual: 'Console',
  chat: 'Chat',
  mcp: 'MCP',
  a2a: 'A2A',
  workflow: 'Workflow',
};

/** Who called, and by which way. */
export function callerOf({ trigger, caller }: Pick<LogRow, 'trigger' | 'caller'>): string {
  const way = WAYS[trigger] ?? trigger;
  return caller ? `${way} · ${caller}` : way;
}

export const WORDS: Record<RunStatus, string> = {
  queued: 'Queued',
  processing: 'Running',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
  paused: 'Paused',
};
