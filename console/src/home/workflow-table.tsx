import { Copy, Download, EllipsisVertical, FileJson, PencilLine, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { can, useSignedIn } from '@/api/session';
import {
  downloadWorkflow,
  useArchiveWorkflow,
  useDuplicateWorkflow,
  useModifiedWorkflows,
  useRestoreWorkflow,
  type WorkflowRow,
} from '@/api/workflows';
import { formatAgo } from '@/app/format';
import { STATUS_LABELS, STATUS_TONES } from '@/runs/labels';
import { IconButton } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { Confirm } from '@/ui/dialog';
import { Menu, MenuItem, MenuSeparator } from '@/ui/menu';
import { Badge } from '@/ui/states';
import table from '@/ui/table.module.css';
import { TableFrame } from '@/ui/table-frame';
import { useToasts } from '@/ui/toasts';
import { type Activity, emptyActivity } from './activity';
import { ActivityPlot } from './activity-plot';
import { RenameDialog } from './rename-dialog';
import styles from './workflow-table.module.css';

interface Props {
  workflows: readonly WorkflowRow[];
  activity: Map<string, Activity>;
  /** Whether `activity` covers all calls of the last 24 hours. */
  isComplete: boolean;
}

export function WorkflowTable({ workflows, activity, isComplete }: Props) {
  return (
    <TableFrame label="Workflows">
      <table className={classNames(table.table, table.stack, styles.table)}>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Status</th>
            <th scope="col">Last run</th>
            <th scope="col">Calls (24h)</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {workflows.map((workflow) => (
            <Row
              key={workflow.id}
              workflow={workflow}
              activity={activity.get(workflow.id) ?? emptyActivity(isComplete)}
            />
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

function Row({ workflow, activity }: { workflow: WorkflowRow; activity: Activity }) {
  return (
    <tr className={styles.row}>
      <td className={styles.name}>
        <Link href={`/workflows/${workflow.id}`} className={styles.link}>
          {workflow.name}
        </Link>
        {workflow.description && <p className={styles.about}>{workflow.description}</p>}
      </td>
      <td className={styles.state}>{workflow.isDeployed ? <LiveState workflow={workflow} /> : <Badge>Draft</Badge>}</td>
      <td className={styles.last}>
        <LastRun workflow={workflow} activity={activity} />
      </td>
      <td className={styles.plot}>
        <ActivityPlot activity={activity} />
      </td>
      <td className={styles.menu}>
        <RowMenu workflow={workflow} />
      </td>
    </tr>
  );
}

function LiveState({ workflow }: { workflow: WorkflowRow }) {
  const modified = useModifiedWorkflows();
  return (
    <span className={styles.badges}>
      <Badge tone="green" dot>
        Live v{workflow.liveVersion}
      </Badge>
      {modified.data?.has(workflow.id) && <Badge tone="amber">Modified</Badge>}
      {workflow.isPublicApi && <Badge tone="blue">Public</Badge>}
    </span>
  );
}

/** Last run: the run itself within the last 24 hours, otherwise the time of its end. */
function LastRun({ workflow: { id, lastRunAt }, activity: { last } }: { workflow: WorkflowRow; activity: Activity }) {
  if (!last && !lastRunAt) return <span className={table.quiet}>–</span>;
  if (!last) {
    return (
      <Link href={`/runs?workflow=${id}`} className={styles.run}>
        {formatAgo(lastRunAt as string)}
      </Link>
    );
  }
  return (
    <Link href={`/runs/${last.workflowId}/${last.executionId}`} className={styles.run}>
      <span className={classNames(styles.dot, styles[STATUS_TONES[last.status]])} aria-hidden />
      {STATUS_LABELS[last.status]} {formatAgo(last.startedAt)}
    </Link>
  );
}

function RowMenu({ workflow }: { workflow: WorkflowRow }) {
  const { workspace } = useSignedIn();
  const { fail, notify } = useToasts();
  const archive = useArchiveWorkflow();
  const restore = useRestoreWorkflow();
  const duplicate = useDuplicateWorkflow();
  const [openDialog, setOpenDialog] = useState<'rename' | 'delete' | null>(null);
  const close = () => setOpenDialog(null);
  // The row may be gone by then: callbacks of `mutate` are not called after that, unlike those of a promise.
  const undo = () =>
    void restore
      .mutateAsync({ id: workflow.id, redeploy: true })
      .then(() => notify(`Restored ${workflow.name}.`), fail);
  return (
    <>
      <Menu
        trigger={
          <IconButton label={`Actions for ${workflow.name}`}>
            <EllipsisVertical size={17} aria-hidden />
          </IconButton>
        }
      >
        <MenuItem
          icon={<Download size={15} aria-hidden />}
          onSelect={() => void downloadWorkflow(workflow, 'yaml').catch(fail)}
        >
          Export YAML
        </MenuItem>
        <MenuItem
          icon={<FileJson size={15} aria-hidden />}
          onSelect={() => void downloadWorkflow(workflow, 'json').catch(fail)}
        >
          Export JSON
        </MenuItem>
        {can(workspace.role, 'write') && (
          <>
            <MenuItem icon={<PencilLine size={15} aria-hidden />} onSelect={() => setOpenDialog('rename')}>
              Rename
            </MenuItem>
            <MenuItem
              icon={<Copy size={15} aria-hidden />}
              onSelect={() =>
                duplicate.mutate(workflow, {
                  onSuccess: ({ name }) => notify(`Created ${name}.`),
                  onError: fail,
                })
              }
            >
              Duplicate
            </MenuItem>
          </>
        )}
        {can(workspace.role, 'admin') && (
          <>
            <MenuSeparator />
            <MenuItem danger icon={<Trash2 size={15} aria-hidden />} onSelect={() => setOpenDialog('delete')}>
              Delete
            </MenuItem>
          </>
        )}
      </Menu>
      {openDialog === 'rename' && <RenameDialog workflow={workflow} onClose={close} />}
      <Confirm
        title={`Delete ${workflow.name}?`}
        question="Calls to its endpoint will return 404. Its chat, agent and recorded runs are deleted permanently. You can restore the workflow itself for 30 days."
        action="Delete"
        busy={archive.isPending}
        open={openDialog === 'delete'}
        onClose={close}
        onConfirm={() =>
          archive.mutate(workflow.id, {
            onSuccess: () => notify(`Deleted ${workflow.name}.`, { label: 'Undo', onAction: undo }),
            onError: fail,
            onSettled: close,
          })
        }
      />
    </>
  );
}
