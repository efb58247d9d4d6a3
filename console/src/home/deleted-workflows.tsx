import { Trash2 } from 'lucide-react';
import { useState } from 'react';
import { type DeletedWorkflow, useDeletedWorkflows, useEraseWorkflow, useRestoreWorkflow } from '@/api/workflows';
import { formatAgo, formatDate } from '@/app/format';
import { ActionTable } from '@/ui/action-table';
import { Button } from '@/ui/button';
import { Confirm, Dialog } from '@/ui/dialog';
import { Empty, LoadError, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { useToasts } from '@/ui/toasts';
import styles from './deleted-workflows.module.css';

/** Button that lists the deleted workflows, which can be restored or deleted permanently. */
export function DeletedWorkflows() {
  const [isOpen, setOpen] = useState(false);
  return (
    <div className={styles.opener}>
      <Button variant="ghost" icon={<Trash2 size={15} aria-hidden />} onClick={() => setOpen(true)}>
        Deleted workflows
      </Button>
      <Dialog
        title="Deleted workflows"
        description="Deleted workflows can be restored for 30 days, with their versions and runs. Then they are deleted permanently."
        size="wide"
        open={isOpen}
        onClose={() => setOpen(false)}
      >
        <Rows />
      </Dialog>
    </div>
  );
}

function Rows() {
  const deleted = useDeletedWorkflows();
  if (deleted.isPending) return <Skeleton rows={2} />;
  if (deleted.isLoadingError) return <LoadError error={deleted.error} onRetry={deleted.refetch} />;
  if (!deleted.data.length) return <Empty icon={<Trash2 size={22} aria-hidden />} title="No deleted workflows" />;
  return (
    <ActionTable label="Deleted workflows" columns={['Name', 'Deleted', 'Restorable until']}>
      {deleted.data.map((workflow) => (
        <Row key={workflow.id} workflow={workflow} />
      ))}
    </ActionTable>
  );
}

function Row({ workflow }: { workflow: DeletedWorkflow }) {
  const { notify, fail } = useToasts();
  const restore = useRestoreWorkflow();
  const erase = useEraseWorkflow();
  const [isErasing, setErasing] = useState(false);
  const { id, name, liveVersion } = workflow;
  const recover = () =>
    restore
      .mutateAsync({ id, redeploy: false })
      .then(
        () => notify(`Restored ${name}.${liveVersion ? ` It is not deployed: promote v${liveVersion}.` : ''}`),
        fail,
      );
  return (
    <tr>
      <td>{name}</td>
      <td className={table.quiet}>{formatAgo(workflow.deletedAt)}</td>
      <td className={table.quiet}>{workflow.restorableUntil ? formatDate(workflow.restorableUntil) : '–'}</td>
      <td className={table.end}>
        <Button busy={restore.isPending} aria-label={`Restore ${name}`} onClick={() => void recover()}>
          Restore
        </Button>{' '}
        <Button aria-label={`Delete now: ${name}`} onClick={() => setErasing(true)}>
          Delete now
        </Button>
        <Confirm
          title={`Delete ${name} permanently?`}
          question="Its versions, runs and logs are deleted. You cannot undo this."
          action="Delete permanently"
          busy={erase.isPending}
          open={isErasing}
          onClose={() => setErasing(false)}
          onConfirm={() =>
            void erase
              .mutateAsync(id)
              .then(() => notify(`Deleted ${name} permanently.`), fail)
              .finally(() => setErasing(false))
          }
        />
      </td>
    </tr>
  );
}
