import type { ReactNode } from 'react';
import type { AuditRow } from '@/api/audit';
import { exactMoment } from '@/app/format';
import { JsonView } from '@/ui/json-view';
import table from '@/ui/table.module.css';
import styles from './audit-entry.module.css';
import { actorOf, deedOf, type Names } from './deeds';

/** One deed as a sentence, and what is written down of it for who opens it. */
export function AuditEntry({ row, names }: { row: AuditRow; names: Names }) {
  return (
    <tr className={styles.row}>
      <td>
        <details>
          <summary className={styles.sentence}>
            <span className={styles.actor}>{actorOf(row)}</span> {deedOf(row, names) ?? <Unknown row={row} />}
          </summary>
          <Details row={row} />
        </details>
      </td>
      <td className={table.quiet}>
        <time dateTime={row.at}>{exactMoment(row.at)}</time>
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
        <Fact name="Done to">{row.targetId}</Fact>
        <Fact name="Done by">{row.actor.id}</Fact>
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
