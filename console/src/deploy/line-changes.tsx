import { useMemo } from 'react';
import { count } from '@/app/format';
import { type Gap, type Line, lineDiff } from '@/workflow/line-diff';
import styles from './line-changes.module.css';

interface Props {
  label: string;
  before: string;
  after: string;
}

/** Changes of a long text, line by line. */
export function LineChanges({ label, before, after }: Props) {
  const rows = useMemo(() => lineDiff(before, after), [before, after]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable by keyboard
    <section className={styles.lines} aria-label={`Changed lines of ${label}`} tabIndex={0}>
      {rows.map((row, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the list is read-only
        <Row key={index} row={row} />
      ))}
    </section>
  );
}

const SIGNS = { removed: '−', added: '+', same: ' ' };

function Row({ row }: { row: Line | Gap }) {
  if (row.kind === 'gap') return <p className={styles.gap}>{count(row.lines, 'unchanged line')}</p>;
  const Text = { removed: 'del', added: 'ins', same: 'span' }[row.kind] as 'del' | 'ins' | 'span';
  return (
    <p className={styles[row.kind]}>
      <span className={styles.sign} aria-hidden>
        {SIGNS[row.kind]}
      </span>
      <Text>
        {row.kind !== 'same' && <span className="visually-hidden">{row.kind}: </span>}
        {row.text}
      </Text>
    </p>
  );
}
