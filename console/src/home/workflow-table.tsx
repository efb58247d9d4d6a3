import { Download, EllipsisVertical, PencilLine, Trash2 } from 'lucide-react';
import { useRef, useState } from 'react';
import { Link } from 'wouter';
import { can, useSignedIn } from '@/api/session';
import { downloadWorkflow, useArchiveWorkflow, useDeployment, type WorkflowRow } from '@/api/workflows';
import { ago } from '@/app/format';
import { TONES, WORDS } from '@/runs/words';
import { IconButton } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { Confirm } from '@/ui/dialog';
import { Menu, MenuItem, MenuLine } from '@/ui/menu';
import { Badge } from '@/ui/states';
import table from '@/ui/table.module.css';
import { TableFrame } from '@/ui/table-frame';
import { useToasts } from '@/ui/toasts';
import { type Activity, quiet } from './activity';
import { ActivityPlot } from './activity-plot';
import { RenameDialog } from './rename-dialog';
import { useSeen } from './use-seen';
import styles from './workflow-table.module.css';

interface Props {
  workflows: readonly WorkflowRow[];
  activity: Map<string, Activity>;
  /** Whether these are all calls of the day. */
  areAll: boolean;
}

export function WorkflowTable({ workflows, activity, areAll }: Props) {
  return (
    <TableFrame label="Workflows">
      <table className={classNames(table.table, table.stack, styles.table)}>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">State</th>
            <th scope="col">Last run</th>
            <th scope="col">Calls, 24 h</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {workflows.map((workflow) => (
            <Row key={workflow.id} workflow={workflow} activity={activity.get(workflow.id) ?? quiet(areAll)} />
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
        <LastRun activity={activity} />
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
  const place = useRef<HTMLSpanElement>(null);
  const { data } = useDeployment(workflow.id, useSeen(place));
  const version = data?.activeDeployment ? `v${data.activeDeployment.version}` : '';
  return (
    <span ref={place} className={styles.badges}>
      <Badge tone="green" dot>
        Live {version}
      </Badge>
      {data?.needsRedeployment && <Badge tone="amber">Changed</Badge>}
      {workflow.isPublicApi && <Badge tone="blue">Public</Badge>}
    </span>
  );
}

function LastRun({ activity: { last } }: { activity: Activity }) {
  if (!last) return <span className={table.quiet}>–</span>;
  return (
    <Link href={`/runs/${last.workflowId}/${last.executionId}`} className={styles.run}>
      <span className={classNames(styles.dot, styles[TONES[last.status]])} aria-hidden />
      {WORDS[last.status]} {ago(last.startedAt)}
    </Link>
  );
}

function RowMenu({ workflow }: { workflow: WorkflowRow }) {
  const { workspace } = useSignedIn();
  const { fail, say } = useToasts();
  const archive = useArchiveWorkflow();
  const [asked, setAsked] = useState<'rename' | 'delete' | null>(null);
  const close = () => setAsked(null);
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
          onSelect={() => void downloadWorkflow(workflow).catch(fail)}
        >
          Export
        </MenuItem>
        {can(workspace.role, 'write') && (
          <MenuItem icon={<PencilLine size={15} aria-hidden />} onSelect={() => setAsked('rename')}>
            Rename
          </MenuItem>
        )}
        {can(workspace.role, 'admin') && (
          <>
            <MenuLine />
            <MenuItem danger icon={<Trash2 size={15} aria-hidden />} onSelect={() => setAsked('delete')}>
              Delete
            </MenuItem>
          </>
        )}
      </Menu>
      {asked === 'rename' && <RenameDialog workflow={workflow} onClose={close} />}
      <Confirm
        title={`Delete ${workflow.name}?`}
        question="Its endpoint answers 404 from then on. This cannot be undone here."
        action="Delete"
        busy={archive.isPending}
        open={asked === 'delete'}
        onClose={close}
        onConfirm={() =>
          archive.mutate(workflow.id, {
            onSuccess: () => say(`${workflow.name} is deleted.`),
            onError: fail,
            onSettled: close,
          })
        }
      />
    </>
  );
}
