import { useState } from 'react';
import { useLocation } from 'wouter';
import { useRepairRun } from '@/api/runs';
import { useDeployment } from '@/api/workflows';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import form from '@/ui/form.module.css';
import list from '@/ui/list.module.css';
import { InlineError } from '@/ui/states';

interface Props {
  workflowId: string;
  runId: string;
  onClose: () => void;
}

/** Dialog that continues a failed run at its failed block. */
export function RepairDialog({ workflowId, runId, onClose }: Props) {
  const [, navigate] = useLocation();
  const live = useDeployment(workflowId).data?.activeDeployment;
  const repair = useRepairRun(workflowId, runId);
  const [repeatUncertain, setRepeat] = useState(false);
  const run = () =>
    repair.mutate(repeatUncertain, { onSuccess: (made) => navigate(`/runs/${workflowId}/${made.runId}`) });
  return (
    <Dialog
      title="Repair this run"
      help="repair"
      open
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" busy={repair.isPending} onClick={run}>
            Repair
          </Button>
        </>
      }
    >
      <div className={form.form}>
        <p>
          This creates a run that continues at the failed block
          {live ? ` on the live version, v${live.version}` : ' on the live version'}. Deploy your fix first.
        </p>
        <ul className={list.list}>
          <li>
            <strong>Runs again:</strong> the failed block and all blocks after it.
          </li>
          <li>
            <strong>Does not run again:</strong> blocks that completed. Their results are reused.
          </li>
        </ul>
        <label className={form.check}>
          <input type="checkbox" checked={repeatUncertain} onChange={(event) => setRepeat(event.target.checked)} />
          Also run blocks again whose effects are unknown because their worker was lost
        </label>
        <InlineError error={repair.error} />
      </div>
    </Dialog>
  );
}
