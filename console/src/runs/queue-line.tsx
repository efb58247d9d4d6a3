import { type QueueStanding, useQueue } from '@/api/queue';
import { duration } from '@/app/format';
import { classNames } from '@/ui/class-names';
import styles from './queue-line.module.css';

const USUAL: QueueStanding = { queued: 0, limit: 1000, waitSeconds: 0 };

/** How long the queue is, and what a new job would wait; until that is known, the room for it. */
export function QueueLine() {
  const queue = useQueue();
  if (queue.isLoadingError) return null;
  const { queued, limit, waitSeconds } = queue.data ?? USUAL;
  return (
    <dl className={classNames(styles.line, !queue.data && styles.unknown)} aria-label="Queue">
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
