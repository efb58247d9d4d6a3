import { useEffect, useState } from 'react';
import { count, elapsed } from '@/app/format';
import { Badge } from '@/ui/states';
import styles from './run-panel.module.css';
import type { DraftRun, RunLine } from './use-draft-run';

export const STATUS_LABELS = {
  queued: 'Queued',
  running: 'Running',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Stopped',
  paused: 'Paused',
} as const;

const STATUS_TONES = {
  queued: 'quiet',
  running: 'blue',
  completed: 'green',
  failed: 'red',
  cancelled: 'quiet',
  paused: 'amber',
} as const;

/** Status of a draft run, with the running block and elapsed time. */
export function RunStatus({ run: { status, since, lines } }: { run: DraftRun }) {
  return (
    <>
      <span role="status">
        {status && (
          <Badge tone={STATUS_TONES[status]} dot>
            {STATUS_LABELS[status]}
          </Badge>
        )}
      </span>
      {since !== null && (
        <span className={styles.progress}>
          <span className={styles.current}>{describeRunning(lines)}</span>
          <Elapsed since={since} />
        </span>
      )}
    </>
  );
}

function describeRunning(lines: readonly RunLine[]): string | undefined {
  const running = lines.filter((line) => line.status === 'running');
  return running.length > 1 ? count(running.length, 'block') : running[0]?.blockName;
}

function Elapsed({ since }: { since: number }) {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now - since >= 1000 && <span>{elapsed(now - since)}</span>;
}
