import { useState } from 'react';
import type { Span } from '@/api/runs';
import { cost, duration } from '@/app/format';
import { BlockIcon } from '@/canvas/block-icon';
import { classNames } from '@/ui/class-names';
import { JsonView } from '@/ui/json-view';
import { Problem } from '@/ui/states';
import { BlockInput } from './block-input';
import { flattened, placeOf, windowOf } from './spans';
import { waitOf } from './waits';
import styles from './waterfall.module.css';

interface Props {
  spans: readonly Span[];
  /** Whether the run goes on no more. */
  ended: boolean;
}

/** What each block did, and when: a bar each, and its input and output on demand. */
export function Waterfall({ spans, ended }: Props) {
  const rows = flattened(spans);
  const window = windowOf(rows);
  const [open, setOpen] = useState<string | null>(() => rows.find((row) => row.span.status === 'error')?.key ?? null);
  return (
    <ol className={styles.waterfall} aria-label="Blocks of the run">
      {rows.map((row) => (
        <li key={row.key} className={styles.item}>
          <button
            type="button"
            className={styles.row}
            aria-expanded={open === row.key}
            onClick={() => setOpen(open === row.key ? null : row.key)}
          >
            <span className={styles.name} style={{ paddingLeft: `${row.depth * 1.1}rem` }}>
              <BlockIcon type={row.span.type} size={20} />
              <span className={styles.text}>{row.span.name}</span>
            </span>
            <span className={styles.track} aria-hidden>
              <span
                data-testid="bar"
                className={classNames(styles.bar, row.span.status === 'error' && styles.failed)}
                style={placeOf(row, window)}
              />
            </span>
            <span className={styles.time}>{duration(row.span.duration)}</span>
          </button>
          {open === row.key && <Details span={row.span} ended={ended} />}
        </li>
      ))}
    </ol>
  );
}

function Details({ span, ended }: { span: Span; ended: boolean }) {
  const wait = waitOf(span);
  const facts = [
    span.model && ['Model', span.model],
    span.tokens && ['Tokens', tokensOf(span.tokens)],
    span.cost?.total && ['Cost', cost(span.cost.total)],
  ].filter((fact): fact is [string, string] => Boolean(fact));
  return (
    <div className={styles.details}>
      <Problem error={errorOf(span)} />
      {wait && (
        <p>
          {ended ? 'Waited' : 'Waits'} {wait}.
        </p>
      )}
      {facts.length > 0 && (
        <dl className={styles.facts}>
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      <div className={styles.values}>
        <BlockInput value={span.input ?? null} />
        {!wait && span.output !== undefined && span.output !== null && <JsonView label="Output" value={span.output} />}
      </div>
    </div>
  );
}

function errorOf({ status, output }: Span): string | null {
  if (status !== 'error' || !output || typeof output !== 'object' || Array.isArray(output)) return null;
  return typeof output.error === 'string' ? output.error : null;
}

function tokensOf(tokens: NonNullable<Span['tokens']>): string {
  if (typeof tokens !== 'object' || Array.isArray(tokens)) return String(tokens);
  const { input, output, prompt, completion, total } = tokens;
  return `${input ?? prompt ?? 0} in, ${output ?? completion ?? 0} out, ${total ?? 0} in all`;
}
