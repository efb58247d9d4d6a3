import { useMemo, useState } from 'react';
import type { Span } from '@/api/runs';
import { count, duration } from '@/app/format';
import { BlockIcon } from '@/canvas/block-icon';
import { Button, ButtonLink } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { statusOf } from './recorded-blocks';
import { SpanDetails } from './span-details';
import { barPosition, errorOf, flattened, type Row, ticksOf, type Window, windowOf } from './spans';
import styles from './waterfall.module.css';

interface Props {
  spans: readonly Span[];
  /** Whether the run has ended. */
  ended: boolean;
  /** Return the address that edits a block of the workflow with the run on the canvas. */
  editHref: (blockId: string) => string;
}

/** Number of steps shown at first. A long loop has thousands of steps, and rendering them all would freeze the page. */
const PAGE_SIZE = 300;

/** Waterfall of the blocks of a run with their input and output. A failed step is always shown, and expanded. */
export function Waterfall({ spans, ended, editHref }: Props) {
  const rows = useMemo(() => flattened(spans), [spans]);
  const window = useMemo(() => windowOf(rows), [rows]);
  // The containers around a failed block have failed as well, but have no error.
  const failed = rows.find((row) => errorOf(row.span))?.key ?? null;
  const [open, setOpen] = useState(failed);
  const [limit, setLimit] = useState(PAGE_SIZE);
  const shown = rows.filter(({ key }, index) => index < limit || `${failed}.`.startsWith(`${key}.`));
  return (
    <>
      <div className={styles.axis} aria-hidden>
        <span className={styles.ticks}>
          {ticksOf(window).map((ms) => (
            <span key={ms}>{tickLabel(ms)}</span>
          ))}
        </span>
      </div>
      <ol className={styles.waterfall} aria-label="Blocks of the run">
        {shown.map((row) => (
          <Step
            key={row.key}
            row={row}
            window={window}
            ended={ended}
            isOpen={open === row.key}
            editHref={editHref}
            onToggle={() => setOpen(open === row.key ? null : row.key)}
          />
        ))}
      </ol>
      {rows.length > limit && (
        <div>
          <Button onClick={() => setLimit(limit + PAGE_SIZE)}>
            Show more ({shown.length.toLocaleString('en-US')} of {count(rows.length, 'step')} shown)
          </Button>
        </div>
      )}
    </>
  );
}

/** Format a time on the axis. Short runs need fractions of a millisecond to tell the ticks apart. */
function tickLabel(ms: number): string {
  if (ms === 0) return '0';
  return ms < 10 ? `${Number(ms.toFixed(2))} ms` : duration(ms);
}

interface StepProps {
  row: Row;
  window: Window;
  ended: boolean;
  isOpen: boolean;
  editHref: Props['editHref'];
  onToggle: () => void;
}

function Step({ row, window, ended, isOpen, editHref, onToggle }: StepProps) {
  const { span, depth } = row;
  const status = statusOf(span);
  return (
    <li className={styles.item}>
      <button type="button" className={styles.row} aria-expanded={isOpen} onClick={onToggle}>
        <span className={styles.name} style={{ paddingLeft: `${depth * 1.1}rem` }}>
          <BlockIcon type={span.type} size={20} />
          <span className={styles.text}>{span.name}</span>
        </span>
        <span className={styles.track} aria-hidden>
          <span data-testid="bar" className={classNames(styles.bar, styles[status])} style={barPosition(row, window)} />
        </span>
        <span className={styles.time}>{status === 'paused' ? 'Paused' : duration(span.duration)}</span>
      </button>
      {isOpen && (
        <div className={styles.details}>
          <SpanDetails span={span} ended={ended} />
          {span.blockId && !row.isCalled && (
            <div>
              <ButtonLink href={editHref(span.blockId)}>Edit this block</ButtonLink>
            </div>
          )}
        </div>
      )}
    </li>
  );
}
