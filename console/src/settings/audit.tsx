import { useMemo, useState } from 'react';
import { type AuditRow, useAudit } from '@/api/audit';
import { useMembers } from '@/api/team';
import { useWorkflows } from '@/api/workflows';
import { Button } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { Select } from '@/ui/field';
import { Empty, Failure, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { TableFrame } from '@/ui/table-frame';
import styles from './audit.module.css';
import { AuditEntry } from './audit-entry';
import { DEEDS, type Names } from './deeds';
import { Section } from './section';

export function AuditSection() {
  const [action, setAction] = useState('');
  return (
    <Section
      title="Audit log"
      about="Who deployed, promoted, made keys, changed access, signed in."
      action={<DeedSelect value={action} onChange={setAction} />}
    >
      <Entries action={action} />
    </Section>
  );
}

function DeedSelect({ value, onChange }: { value: string; onChange: (action: string) => void }) {
  return (
    <Select
      aria-label="What was done"
      className={styles.filter}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      <option value="">All entries</option>
      {DEEDS.map(([about, deeds]) => (
        <optgroup key={about} label={about}>
          {Object.entries(deeds).map(([action, { name }]) => (
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
  // A sentence has its names from the start: it would change under who reads it.
  if (audit.isPending || workflows.isPending || members.isPending) return <Skeleton rows={6} />;
  if (audit.isLoadingError) return <Failure error={audit.error} onRetry={audit.refetch} />;
  const rows = audit.data.pages.flatMap((page) => page.data);
  return (
    <>
      {rows.length ? <Table rows={rows} names={names} /> : <NoEntries goesOn={audit.hasNextPage} />}
      {audit.hasNextPage && (
        <Button busy={audit.isFetchingNextPage} onClick={() => void audit.fetchNextPage()}>
          Show older entries
        </Button>
      )}
    </>
  );
}

function NoEntries({ goesOn }: { goesOn: boolean }) {
  if (goesOn) return <Empty title="Nothing of this kind so far">Older entries were not looked at yet.</Empty>;
  return <Empty title="Nothing of this kind has happened yet" />;
}

function Table({ rows, names }: { rows: readonly AuditRow[]; names: Names }) {
  return (
    <TableFrame label="Audit entries">
      <table className={classNames(table.table, table.stack)}>
        <thead>
          <tr>
            <th scope="col">What happened</th>
            <th scope="col">When</th>
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
