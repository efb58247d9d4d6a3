import { Check, LoaderCircle, X } from 'lucide-react';
import { duration } from '@/app/format';
import styles from './marks.module.css';

/** Status of a block in the current draft run. */
export interface RunMark {
  status: 'running' | 'done' | 'failed';
  times: number;
  durationMs?: number;
  error?: string;
  text?: string;
}

/** Difference of a block between two versions. */
export type Change = 'added' | 'changed' | 'removed';

export function Mark({ run }: { run?: RunMark }) {
  if (!run) return null;
  if (run.status === 'running') return <LoaderCircle className={styles.running} size={15} aria-label="Running" />;
  const times = run.times > 1 ? ` ×${run.times}` : '';
  return (
    <span className={run.status === 'failed' ? styles.failed : styles.done} title={run.error}>
      {run.status === 'failed' ? <X size={14} aria-label="Failed" /> : <Check size={14} aria-label="Done" />}
      {run.durationMs !== undefined && duration(run.durationMs)}
      {times}
    </span>
  );
}
