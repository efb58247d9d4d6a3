import { useQueue } from '@/api/queue';
import { duration } from '@/app/format';
import styles from './queue-line.module.css';

/** How long the queue is, and what a new job would wait. */
export function QueueLine() {
  const queue = useQueue();
  if (!queue.data) return null;
  const { queued, limit, waitSeconds } = queue.data;
  return (
    <dl className={styles.line} aria-label="Queue">
      <div>
        <dt>In the queue</dt>
        <dd>
          {queued.toLocaleString('en-US')} <span className={styles.of}>of {limit.toLocaleString('en-US')}</span>
        </dd>
      </div>
      <div>
        <dt>A new job waits</dt>
        <dd>{waitOf(waitSeconds)}</dd>
      </div>
    </dl>
  );
}

function waitOf(seconds: number | null): string {
  if (seconds === null) return 'Unknown';
  return seconds < 1 ? 'Under a second' : `About ${duration(Math.round(seconds) * 1000)}`;
}
