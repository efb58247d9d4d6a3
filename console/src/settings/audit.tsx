import { useAudit } from '@/api/audit';
import { exactMoment } from '@/app/format';
import { Button } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { Empty, Failure, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { TableFrame } from '@/ui/table-frame';
import { Section } from './section';

export function AuditSection() {
  const audit = useAudit();
  const rows = audit.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Section title="Audit log" about="Who deployed, promoted, made keys, changed access, signed in.">
      {audit.isPending && <Skeleton rows={6} />}
      {audit.isLoadingError && <Failure error={audit.error} onRetry={audit.refetch} />}
      {audit.data && !rows.length && <Empty title="Nothing has happened yet" />}
      {rows.length > 0 && (
        <TableFrame label="Audit entries">
          <table className={classNames(table.table, table.stack)}>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Who</th>
                <th scope="col">What</th>
                <th scope="col">On</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.id}>
                  <td className={table.quiet}>{exactMoment(row.at)}</td>
                  <td>{row.actor.name ?? row.actor.id}</td>
                  <td>
                    <code>{row.action}</code>
                  </td>
                  <td className={table.quiet}>{row.targetName || row.targetId}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableFrame>
      )}
      {audit.hasNextPage && (
        <Button busy={audit.isFetchingNextPage} onClick={() => void audit.fetchNextPage()}>
          Show older entries
        </Button>
      )}
    </Section>
  );
}
