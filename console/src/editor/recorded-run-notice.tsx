import { X } from 'lucide-react';
import { Link } from 'wouter';
import { messageOf } from '@/api/errors';
import { canvasHref, runHref } from '@/runs/addresses';
import { IconButton } from '@/ui/button';
import type { WorkflowState } from '@/workflow/state';
import styles from './recorded-run-notice.module.css';
import type { RecordedRun } from './use-recorded-run';

interface Props {
  workflowId: string;
  run: RecordedRun;
  state: WorkflowState;
}

/** Notice that the canvas shows an earlier run, and whether the block to edit is missing from the draft. */
export function RecordedRunNotice({ workflowId, run, state }: Props) {
  const address = { workflowId, executionId: run.id };
  const isBlockMissing = run.blockId !== null && !state.blocks[run.blockId];
  return (
    <div className={styles.notice} role="status">
      <p className={styles.text}>
        {run.error ? (
          messageOf(run.error)
        ) : (
          <>
            {isBlockMissing && 'The block is no longer in the draft. '}
            The canvas shows the current draft with a run of {run.version ?? 'the draft'}:{' '}
            <Link href={runHref(address)}>
              <code>{run.id}</code>
            </Link>
            {run.version && (
              <>
                . <Link href={canvasHref(address, run.blockId ?? undefined)}>View {run.version}</Link>
              </>
            )}
          </>
        )}
      </p>
      <IconButton label="Hide run" onClick={run.onClose}>
        <X size={16} aria-hidden />
      </IconButton>
    </div>
  );
}
