import { type KeyboardEvent, type PointerEvent, type ReactNode, useMemo, useRef, useState } from 'react';
import { type RunBucket, type RunTotals, useRangeTotals, useRunStatistics } from '@/api/statistics';
import { cost, count, duration, formatDate, formatTimeRange } from '@/app/format';
import { Button } from '@/ui/button';
import { InlineError } from '@/ui/states';
import { bucketAt, type Edge, movedByKey, type Range, rangeBetween, rangeOf } from './brush';
import type { RunFilters } from './filters';
import styles from './overview.module.css';
import { Bars, Lines } from './plots';

interface Props {
  filters: RunFilters;
  isLive: boolean;
  onSelect: (range: { from?: string; to?: string }) => void;
}

const NO_BUCKETS: RunBucket[] = [];
const NO_TOTALS: RunTotals = { runs: 0, errors: 0, p50Ms: null, p95Ms: null, tokens: 0, cost: 0 };

/** Runs, errors, latency, tokens and cost over time. A range that is selected in a plot filters the runs. */
export function Overview({ filters, isLive, onSelect }: Props) {
  const statistics = useRunStatistics(filters, isLive);
  const selected = useRangeTotals(filters, isLive);
  const { buckets = NO_BUCKETS, totals = NO_TOTALS, interval = 0, label = '', countedFrom } = statistics.data ?? {};
  const starts = useMemo(() => buckets.map((bucket) => Date.parse(bucket.start)), [buckets]);
  const endsAt = (starts.at(-1) ?? 0) + interval;
  const [dragged, setDragged] = useState<Range | null>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const { from, to } = filters;
  const stored = from && to ? rangeOf(starts, endsAt, Date.parse(from), Date.parse(to)) : null;
  const range = dragged ?? stored;

  const timeOf = (index: number) => starts[index] ?? endsAt;
  const settle = (next: Range | null) => {
    setDragged(null);
    if (!next || next.end - next.start === buckets.length) onSelect({ from: undefined, to: undefined });
    else onSelect({ from: iso(timeOf(next.start)), to: iso(timeOf(next.end)) });
  };

  if (statistics.isLoadingError) return <InlineError error={statistics.error} />;
  const bucket = dragged || hovered === null ? undefined : buckets[hovered];
  const shown: RunTotals = bucket ?? selected.data ?? totals;
  const brush = { buckets: buckets.length, range, onDrag: setDragged, onSettle: settle, onHover: setHovered };
  return (
    <section className={styles.overview} aria-label="Overview">
      <div className={styles.plots}>
        <Plot title="Runs" value={shown.runs.toLocaleString('en-US')} brush={brush} timeOf={timeOf}>
          <Bars values={buckets.map(({ runs }) => runs)} failed={buckets.map(({ errors }) => errors)} />
        </Plot>
        <Plot title="Errors" value={errorsText(shown)} brush={brush}>
          <Bars values={buckets.map(({ errors }) => errors)} failed={buckets.map(({ errors }) => errors)} />
        </Plot>
        <Plot title="Duration" value={durationText(shown)} brush={brush}>
          <Lines lower={buckets.map(({ p50Ms }) => p50Ms)} upper={buckets.map(({ p95Ms }) => p95Ms)} />
        </Plot>
        <Plot title="Tokens" value={shown.tokens.toLocaleString('en-US')} brush={brush}>
          <Bars values={buckets.map(({ tokens }) => tokens)} />
        </Plot>
        <Plot title="Cost" value={cost(shown.cost)} brush={brush}>
          <Bars values={buckets.map((bucket) => bucket.cost)} />
        </Plot>
      </div>
      <div className={styles.foot}>
        <p className={styles.time}>
          {bucket && hovered !== null
            ? formatTimeRange(timeOf(hovered), timeOf(hovered + 1))
            : range
              ? formatTimeRange(timeOf(range.start), timeOf(range.end))
              : label || '\u00a0'}
        </p>
        {countedFrom && <p className={styles.time}>Runs before {formatDate(countedFrom)} are not counted.</p>}
        {range && !dragged && (
          <Button variant="ghost" className={styles.clear} onClick={() => settle(null)}>
            Clear selection
          </Button>
        )}
      </div>
      <NumbersTable buckets={buckets} timeOf={timeOf} label={label} />
    </section>
  );
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

function errorsText({ runs, errors }: RunTotals): ReactNode {
  if (!errors) return '0';
  return (
    <>
      {errors.toLocaleString('en-US')} <span className={styles.part}>{percent(errors / runs)}</span>
    </>
  );
}

function percent(share: number): string {
  return share < 0.001 ? '<0.1%' : `${Number((share * 100).toPrecision(share < 0.1 ? 2 : 3))}%`;
}

function durationText({ p50Ms, p95Ms }: RunTotals): ReactNode {
  if (p50Ms === null) return '–';
  return (
    <>
      {duration(p50Ms)} <span className={styles.part}>p95 {p95Ms === null ? '–' : duration(p95Ms)}</span>
    </>
  );
}

interface Brush {
  buckets: number;
  range: Range | null;
  /** Called while the user selects a range, and with null if the selection is discarded. */
  onDrag: (range: Range | null) => void;
  /** Called with the selected range. */
  onSettle: (range: Range | null) => void;
  onHover: (bucket: number | null) => void;
}

interface PlotProps {
  title: string;
  value: ReactNode;
  brush: Brush;
  /** Return the start of a bucket. Plots with it have a selection that the keyboard can move. */
  timeOf?: (index: number) => number;
  children: ReactNode;
}

function Plot({ title, value, brush, timeOf, children }: PlotProps) {
  const { buckets, range, onDrag, onSettle, onHover } = brush;
  const anchor = useRef<number | null>(null);
  const pointed = ({ clientX, currentTarget }: PointerEvent) => {
    const { left, width } = currentTarget.getBoundingClientRect();
    return bucketAt((clientX - left) / width, buckets);
  };
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0 || !buckets) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    anchor.current = pointed(event);
    onDrag(rangeBetween(anchor.current, anchor.current));
  };
  const onPointerMove = (event: PointerEvent) => {
    if (!buckets) return;
    const bucket = pointed(event);
    if (anchor.current === null) onHover(bucket);
    else onDrag(rangeBetween(anchor.current, bucket));
  };
  const onPointerUp = (event: PointerEvent) => {
    if (anchor.current === null) return;
    const next = rangeBetween(anchor.current, pointed(event));
    anchor.current = null;
    onHover(null);
    onSettle(next);
  };
  const onPointerCancel = () => {
    anchor.current = null;
    onDrag(null);
  };
  return (
    <div className={styles.plot}>
      <h2 className={styles.title}>{title}</h2>
      <p className={styles.value}>{value}</p>
      <div
        className={styles.area}
        data-testid={`plot ${title}`}
        onPointerLeave={() => onHover(null)}
        {...{ onPointerDown, onPointerMove, onPointerUp, onPointerCancel }}
      >
        {children}
        {range && (
          <span
            className={styles.range}
            style={{ left: share(range.start, buckets), width: share(range.end - range.start, buckets) }}
            aria-hidden
          />
        )}
        {timeOf && buckets > 1 && <Handles {...brush} timeOf={timeOf} />}
      </div>
    </div>
  );
}

function share(part: number, whole: number): string {
  return `${(part / whole) * 100}%`;
}

/** The two edges of the selected range, to move with the keyboard. Without a range, they are those of the period. */
function Handles({ buckets, range, onDrag, onSettle, timeOf }: Brush & { timeOf: (index: number) => number }) {
  const moved = useRef<Range | null>(null);
  const current = range ?? { start: 0, end: buckets };
  const onKeyDown = (edge: Edge) => (event: KeyboardEvent) => {
    if (event.key === 'Escape' && range) {
      moved.current = null;
      onSettle(null);
      return;
    }
    const next = movedByKey(current, edge, event.key, buckets);
    if (!next) return;
    event.preventDefault();
    moved.current = next;
    onDrag(next);
  };
  // Filter when the key is released: a held key moves the edge many times.
  const settle = () => {
    if (!moved.current) return;
    onSettle(moved.current);
    moved.current = null;
  };
  return (['start', 'end'] as const).map((edge) => (
    <span
      key={edge}
      role="slider"
      tabIndex={0}
      className={styles.handle}
      style={{ left: share(current[edge], buckets) }}
      aria-label={edge === 'start' ? 'Start of the selected time' : 'End of the selected time'}
      aria-valuemin={0}
      aria-valuemax={buckets}
      aria-valuenow={current[edge]}
      aria-valuetext={formatDate(timeOf(current[edge]))}
      onKeyDown={onKeyDown(edge)}
      onKeyUp={settle}
      onBlur={settle}
    />
  ));
}

interface TableProps {
  buckets: readonly RunBucket[];
  timeOf: (index: number) => number;
  label: string;
}

/** The numbers of the plots, for screen readers. */
function NumbersTable({ buckets, timeOf, label }: TableProps) {
  return (
    <div className="visually-hidden">
      <table>
        <caption>{`Runs over time, ${label.toLowerCase()}, ${count(buckets.length, 'interval')}`}</caption>
        <thead>
          <tr>
            {['Time', 'Runs', 'Errors', 'Median duration', '95th percentile', 'Tokens', 'Cost'].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {buckets.map((bucket, index) => (
            <tr key={bucket.start}>
              <th scope="row">{formatTimeRange(timeOf(index), timeOf(index + 1))}</th>
              <td>{bucket.runs}</td>
              <td>{bucket.errors}</td>
              <td>{bucket.p50Ms === null ? '–' : duration(bucket.p50Ms)}</td>
              <td>{bucket.p95Ms === null ? '–' : duration(bucket.p95Ms)}</td>
              <td>{bucket.tokens}</td>
              <td>{cost(bucket.cost)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
