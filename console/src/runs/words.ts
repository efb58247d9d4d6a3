import type { LogRow } from '@/api/logs';

export type RunWord = 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'paused';

export const TONES = {
  queued: 'quiet',
  processing: 'blue',
  completed: 'green',
  failed: 'red',
  cancelled: 'quiet',
  paused: 'amber',
} as const;

export const WORDS: Record<RunWord, string> = {
  queued: 'Queued',
  processing: 'Running',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
  paused: 'Paused',
};

/** How a run stands, as far as its row tells. */
export function wordOf(run: Pick<LogRow, 'level' | 'endedAt' | 'status'>): RunWord {
  if (run.status && run.status in WORDS) return run.status as RunWord;
  if (run.level === 'error') return 'failed';
  return run.endedAt ? 'completed' : 'processing';
}
