import { useMemo, useState } from 'react';
import type { Span } from '@/api/runs';
import { cost, count, duration } from '@/app/format';
import { BlockIcon } from '@/canvas/block-icon';
import { Button } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { JsonView } from '@/ui/json-view';
import { Problem } from '@/ui/states';
import { BlockInput } from './block-input';
import { flattened, placeOf, type Row, type Window, windowOf } from './spans';
import { waitOf } from './waits';
import styles from './waterfall.module.css';

interface Props {
  spans: readonly Span[];
  /** Whether the run goes on no more. */
  ended: boolean;
}

/** A loop of a thousand rounds has thousands of steps, and a browser that draws them all stands still meanwhile. */
const AT_ONCE = 300;

/** What each block did, and when: a bar each, and its input and output on demand. What failed is always there, and open. */
export function Waterfall({ spans, ended }: Props) {
  const rows = useMemo(() => flattened(spans), [spans]);
  const window = useMemo(() => windowOf(rows), [rows]);
  // What lies around it has failed by that, too, and has nothing to tell.
  const failed = rows.find((row) => errorOf(row.span))?.key ?? null;
  const [open, setOpen] = useState(failed);
  const [limit, setLimit] = useState(AT_ONCE);
  const shown = rows.filter(({ key }, index) => index < limit || `${failed}.`.startsWith(`${key}.`));
  return (
    <>
      <ol className={styles.waterfall} aria-label="Blocks of the run">
        {shown.map((row) => (
          <Step
            key={row.key}
            row={row}
            window={window}
            ended={ended}
            isOpen={open === row.key}
            onToggle={() => setOpen(open === row.key ? null : row.key)}
          />
        ))}
      </ol>
      {rows.length > limit && (
        <div>
          <Button onClick={() => setLimit(limit + AT_ONCE)}>
            Show more: {shown.length.toLocaleString('en-US')} of {count(rows.length, 'step')} are here
          </Button>
        </div>
      )}
    </>
  );
}

interface StepProps {
  row: Row;
  window: Window;
  ended: boolean;
  isOpen: boolean;
  onToggle: () => void;
}

function Step({ row, window, ended, isOpen, onToggle }: StepProps) {
  const { span, depth } = row;
  return (
    <li className={styles.item}>
      <button type="button" className={styles.row} aria-expanded={isOpen} onClick={onToggle}>
        <span className={styles.name} style={{ paddingLeft: `${depth * 1.1}rem` }}>
          <BlockIcon type={span.type} size={20} />
          <span className={styles.text}>{span.name}</span>
        </span>
        <span className={styles.track} aria-hidden>
          <span
            data-testid="bar"
            className={classNames(styles.bar, span.status === 'error' && styles.failed)}
            style={placeOf(row, window)}
          />
        </span>
        <span className={styles.time}>{duration(span.duration)}</span>
      </button>
      {isOpen && <Details span={span} ended={ended} />}
    </li>
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
