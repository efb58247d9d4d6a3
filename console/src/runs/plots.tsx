import { lineOf } from './line';
import styles from './plots.module.css';

const HEIGHT = 40;
const STEP = 10;
const GAP = 2;
/** Height of the smallest value above zero, to tell it from zero. */
const LEAST = 2;

interface BarsProps {
  values: readonly number[];
  /** The failed part of each value. */
  failed?: readonly number[];
}

/** Bar chart that fills its parent. */
export function Bars({ values, failed = [] }: BarsProps) {
  const top = Math.max(1e-9, ...values);
  const heightOf = (value: number) => (value ? Math.max(LEAST, (value / top) * HEIGHT) : 0);
  return (
    <svg className={styles.plot} viewBox={viewBox(values.length)} preserveAspectRatio="none" aria-hidden>
      <Baseline buckets={values.length} />
      {values.map((value, index) => {
        const height = heightOf(value);
        const bad = value ? Math.max(failed[index] ? LEAST : 0, ((failed[index] ?? 0) / value) * height) : 0;
        const x = index * STEP + GAP / 2;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the index is the bucket
          <g key={index}>
            <rect className={styles.good} x={x} y={HEIGHT - height} width={STEP - GAP} height={height - bad} />
            <rect className={styles.bad} x={x} y={HEIGHT - bad} width={STEP - GAP} height={bad} />
          </g>
        );
      })}
    </svg>
  );
}

interface LinesProps {
  lower: readonly (number | null)[];
  upper: readonly (number | null)[];
}

/** Line chart of two series that fills its parent. Buckets without a value interrupt the lines. */
export function Lines({ lower, upper }: LinesProps) {
  const top = Math.max(1e-9, ...[...lower, ...upper].map((value) => value ?? 0));
  const scale = { step: STEP, height: HEIGHT, top };
  return (
    <svg className={styles.plot} viewBox={viewBox(lower.length)} preserveAspectRatio="none" aria-hidden>
      <Baseline buckets={lower.length} />
      <path className={styles.upper} d={lineOf(upper, scale)} />
      <path className={styles.lower} d={lineOf(lower, scale)} />
    </svg>
  );
}

function Baseline({ buckets }: { buckets: number }) {
  return <line className={styles.base} x1={0} x2={Math.max(1, buckets) * STEP} y1={HEIGHT} y2={HEIGHT} />;
}

function viewBox(buckets: number): string {
  return `0 0 ${Math.max(1, buckets) * STEP} ${HEIGHT}`;
}
