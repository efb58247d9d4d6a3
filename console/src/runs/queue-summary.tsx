import { type QueueStatus, useQueue } from '@/api/queue';
import { duration } from '@/app/format';
import { classNames } from '@/ui/class-names';
import styles from './queue-summary.module.css';

const USUAL: QueueStatus = { queued: 0, limit: 1000, waitSeconds: 0 };

/** Length of the queue and estimated wait. Reserves its space while loading. */
export function QueueSummary() {
  const queue = useQueue();
  if (queue.isLoadingError) return null;
  const { queued, limit, waitSeconds } = queue.data ?? USUAL;
  return (
    <dl className={classNames(styles.line, !queue.data && styles.unknown)} aria-label="Queue">
      <div>
        <dt>Queued runs</dt>
        <dd>
          {queued.toLocaleString('en-US')} <span className={styles.of}>of {limit.toLocaleString('en-US')}</span>
        </dd>
      </div>
      <div>
        <dt>Estimated wait</dt>
        <dd>{describeWait(waitSeconds)}</dd>
      </div>
    </dl>
  );
}

function describeWait(seconds: number | null): string {
  if (seconds === null) return 'Unknown';
  return seconds < 1 ? 'Less than 1 s' : `About ${duration(Math.round(seconds) * 1000)}`;
}
