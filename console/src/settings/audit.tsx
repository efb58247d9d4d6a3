import { useMemo, useState } from 'react';
import { type AuditRow, useAudit } from '@/api/audit';
import { useMembers } from '@/api/team';
import { useWorkflows } from '@/api/workflows';
import { Button } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { Select } from '@/ui/field';
import { Empty, LoadError, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { TableFrame } from '@/ui/table-frame';
import styles from './audit.module.css';
import { AUDIT_ACTIONS, type Names } from './audit-actions';
import { AuditEntry } from './audit-entry';
import { Section } from './section';

export function AuditSection() {
  const [action, setAction] = useState('');
  return (
    <Section
      title="Audit log"
      about="Deployments, key and access changes, sign-ins and other actions in this workspace."
      action={<ActionSelect value={action} onChange={setAction} />}
    >
      <Entries action={action} />
    </Section>
  );
}

function ActionSelect({ value, onChange }: { value: string; onChange: (action: string) => void }) {
  return (
    <Select
      aria-label="Action"
      className={styles.filter}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      <option value="">All actions</option>
      {AUDIT_ACTIONS.map(([about, actions]) => (
        <optgroup key={about} label={about}>
          {Object.entries(actions).map(([action, { name }]) => (
            <option key={action} value={action}>
              {name}
            </option>
          ))}
        </optgroup>
      ))}
    </Select>
  );
}

function Entries({ action }: { action: string }) {
  const audit = useAudit(action);
  const workflows = useWorkflows();
  const members = useMembers();
  const names = useMemo(
    () => new Map([...(workflows.data ?? []), ...(members.data ?? [])].map(({ id, name }) => [id, name])),
    [workflows.data, members.data],
  );
  // Wait for the names, so that the text of an entry does not change after it is shown.
  if (audit.isPending || workflows.isPending || members.isPending) return <Skeleton rows={6} />;
  if (audit.isLoadingError) return <LoadError error={audit.error} onRetry={audit.refetch} />;
  const rows = audit.data.pages.flatMap((page) => page.data);
  return (
    <>
      {rows.length ? <Table rows={rows} names={names} /> : <NoEntries hasMore={audit.hasNextPage} />}
      {audit.hasNextPage && (
        <Button busy={audit.isFetchingNextPage} onClick={() => void audit.fetchNextPage()}>
          Show older entries
        </Button>
      )}
    </>
  );
}

function NoEntries({ hasMore }: { hasMore: boolean }) {
  if (hasMore) return <Empty title="No matching entries so far">Show older entries to continue the search.</Empty>;
  return <Empty title="No matching entries" />;
}

function Table({ rows, names }: { rows: readonly AuditRow[]; names: Names }) {
  return (
    <TableFrame label="Audit entries">
      <table className={classNames(table.table, table.stack)}>
        <thead>
          <tr>
            <th scope="col">Event</th>
            <th scope="col">Time</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <AuditEntry key={row.id} row={row} names={names} />
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}
