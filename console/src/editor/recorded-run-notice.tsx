import { X } from 'lucide-react';
import { Link } from 'wouter';
import { messageOf } from '@/api/errors';
import { IconButton } from '@/ui/button';
import styles from './recorded-run-notice.module.css';
import type { RecordedRun } from './use-recorded-run';

/** Notice that the canvas shows an earlier run. */
export function RecordedRunNotice({ workflowId, run }: { workflowId: string; run: RecordedRun }) {
  return (
    <div className={styles.notice} role="status">
      <p className={styles.text}>
        {run.error ? (
          messageOf(run.error)
        ) : (
          <>
            The canvas shows the current draft with a run of {run.version ?? 'the draft'}:{' '}
            <Link href={`/runs/${workflowId}/${run.id}`}>
              <code>{run.id}</code>
            </Link>
          </>
        )}
      </p>
      <IconButton label="Hide run" onClick={run.onClose}>
        <X size={16} aria-hidden />
      </IconButton>
    </div>
  );
}
