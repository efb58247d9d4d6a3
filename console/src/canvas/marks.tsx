import { Check, LoaderCircle, Pause, X } from 'lucide-react';
import { duration } from '@/app/format';
import styles from './marks.module.css';

/** Status of a block in the current draft run. */
export interface RunMark {
  status: 'running' | 'done' | 'failed' | 'paused';
  times: number;
  durationMs?: number;
  error?: string;
  text?: string;
}

/** Difference of a block between two versions. */
export type Change = 'added' | 'changed' | 'removed';

const ICONS = {
  done: <Check size={14} aria-label="Done" />,
  failed: <X size={14} aria-label="Failed" />,
  paused: <Pause size={14} aria-label="Paused" />,
};

export function Mark({ run }: { run?: RunMark }) {
  if (!run) return null;
  if (run.status === 'running') return <LoaderCircle className={styles.running} size={15} aria-label="Running" />;
  const times = run.times > 1 ? ` ×${run.times}` : '';
  return (
    <span className={styles[run.status]} title={run.error}>
      {ICONS[run.status]}
      {run.durationMs !== undefined && duration(run.durationMs)}
      {times}
    </span>
  );
}
