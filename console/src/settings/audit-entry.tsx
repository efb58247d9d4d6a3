import type { ReactNode } from 'react';
import type { AuditRow } from '@/api/audit';
import { formatTimestamp } from '@/app/format';
import { JsonView } from '@/ui/json-view';
import table from '@/ui/table.module.css';
import { actorOf, describeAction, type Names } from './audit-actions';
import styles from './audit-entry.module.css';

/** Audit entry: a sentence that expands to the recorded details. */
export function AuditEntry({ row, names }: { row: AuditRow; names: Names }) {
  return (
    <tr className={styles.row}>
      <td>
        <details>
          <summary className={styles.sentence}>
            <span className={styles.actor}>{actorOf(row)}</span> {describeAction(row, names) ?? <Unknown row={row} />}
          </summary>
          <Details row={row} />
        </details>
      </td>
      <td className={table.quiet}>
        <time dateTime={row.at}>{formatTimestamp(row.at)}</time>
      </td>
    </tr>
  );
}

function Unknown({ row }: { row: AuditRow }) {
  return (
    <>
      <code>{row.action}</code> {row.targetName || row.targetId}
    </>
  );
}

function Details({ row }: { row: AuditRow }) {
  return (
    <div className={styles.details}>
      <dl className={styles.facts}>
        <Fact name="Action">{row.action}</Fact>
        <Fact name="Target ID">{row.targetId}</Fact>
        <Fact name="Actor ID">{row.actor.id}</Fact>
      </dl>
      {row.before && <JsonView label="Before" value={row.before} />}
      {row.after && <JsonView label="After" value={row.after} />}
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <code>{children}</code>
      </dd>
    </>
  );
}
