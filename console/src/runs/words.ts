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

export const WORDS: Record<RunStatus, string> = {
  queued: 'Queued',
  processing: 'Running',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
  paused: 'Paused',
};
