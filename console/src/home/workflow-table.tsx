import { Copy, Disc, Download, EllipsisVertical, FileJson, FlaskConical, PencilLine, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
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
import { runHref } from '@/runs/addresses';
import { STATUS_LABELS, STATUS_TONES } from '@/runs/labels';
import { IconButton } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { Confirm } from '@/ui/dialog';
import { followRow } from '@/ui/follow-row';
import { Menu, MenuItem, MenuSeparator } from '@/ui/menu';
import { Badge } from '@/ui/states';
import table from '@/ui/table.module.css';
import { TableFrame } from '@/ui/table-frame';
import { useToasts } from '@/ui/toasts';
import { type Activity, NO_ACTIVITY } from './activity';
import { ActivityPlot } from './activity-plot';
import { RenameDialog } from './rename-dialog';
import styles from './workflow-table.module.css';

interface Props {
  workflows: readonly WorkflowRow[];
  activity: ReadonlyMap<string, Activity>;
}

export function WorkflowTable({ workflows, activity }: Props) {
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
            <Row key={workflow.id} workflow={workflow} activity={activity.get(workflow.id) ?? NO_ACTIVITY} />
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

function Row({ workflow, activity }: { workflow: WorkflowRow; activity: Activity }) {
  return (
    <tr className={styles.row} onClick={followRow}>
      <td className={styles.name}>
        <Link href={`/workflows/${workflow.id}`} className={table.link}>
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

/** Last run, or only its time if an earlier release counted it. */
function LastRun({
  workflow: { id, lastRunAt },
  activity: { lastRun },
}: {
  workflow: WorkflowRow;
  activity: Activity;
}) {
  if (!lastRun && !lastRunAt) return <span className={table.quiet}>–</span>;
  if (!lastRun) {
    return (
      <Link href={`/runs?workflow=${id}`} className={styles.run}>
        {formatAgo(lastRunAt as string)}
      </Link>
    );
  }
  return (
    <Link href={runHref({ workflowId: id, executionId: lastRun.id })} className={styles.run}>
      <span className={classNames(styles.dot, styles[STATUS_TONES[lastRun.status]])} aria-hidden />
      {STATUS_LABELS[lastRun.status]} {formatAgo(lastRun.endedAt)}
    </Link>
  );
}

function RowMenu({ workflow }: { workflow: WorkflowRow }) {
  const { workspace } = useSignedIn();
  const { fail, notify } = useToasts();
  const [, navigate] = useLocation();
  const archive = useArchiveWorkflow();
  const restore = useRestoreWorkflow();
  const duplicate = useDuplicateWorkflow();
  const [openDialog, setOpenDialog] = useState<'rename' | 'delete' | null>(null);
  const close = () => setOpenDialog(null);
  // The row may have been removed by then: callbacks of `mutate` are not called after that, unlike those of a promise.
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
        <MenuItem
          icon={<FlaskConical size={15} aria-hidden />}
          onSelect={() => navigate(`/workflows/${workflow.id}/replays`)}
        >
          View replays
        </MenuItem>
        <MenuItem
          icon={<Disc size={15} aria-hidden />}
          onSelect={() => navigate(`/workflows/${workflow.id}/recordings`)}
        >
          View recordings
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
