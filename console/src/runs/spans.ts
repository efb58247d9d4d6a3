import type { Span } from '@/api/runs';

export interface Time {
  start: number;
  end: number;
}

export interface Window {
  from: number;
  length: number;
}

export interface Row extends Time {
  key: string;
  span: Span;
  depth: number;
  /** Time of the parent span. */
  parent: Time | null;
  /** Whether the block belongs to a workflow that another block called. */
  isCalled: boolean;
}

/** Blocks that call a workflow, whose spans follow below them. */
const CALLING_TYPES: ReadonlySet<string> = new Set(['workflow', 'workflow_input']);

/** Return the spans of a run as rows with their depth. Child spans are clamped to their parent's time. */
export function flattened(spans: readonly Span[]): Row[] {
  const rows: Row[] = [];
  const addRows = (span: Span, depth: number, path: string, parent: Time | null, isCalled: boolean) => {
    const time = clamped(parent, span);
    rows.push({ key: path, span, depth, parent, isCalled, ...time });
    const isCall = isCalled || CALLING_TYPES.has(span.type);
    (span.children ?? []).forEach((child, index) => void addRows(child, depth + 1, `${path}.${index}`, time, isCall));
  };
  spans
    .flatMap((span) => (span.type === 'workflow' && span.children ? span.children : [span]))
    .forEach((span, index) => void addRows(span, 0, String(index), null, false));
  return rows;
}

/** Return the message of a failed span. */
export function errorOf({ status, output }: Span): string | null {
  if (status !== 'error' || !output || typeof output !== 'object' || Array.isArray(output)) return null;
  return typeof output.error === 'string' ? output.error : null;
}

/** Timestamps are rounded to milliseconds, so a child may appear to start after its parent's end. */
function clamped(parent: Time | null, { startTime, duration }: Span): Time {
  const start = Date.parse(startTime);
  const end = start + duration;
  if (!parent) return { start, end };
  const clamp = (time: number) => Math.min(parent.end, Math.max(parent.start, time));
  return { start: clamp(start), end: clamp(end) };
}

/** Return the start of the first span and the milliseconds until the end of the last one. */
export function windowOf(rows: readonly Time[]): Window {
  const from = Math.min(...rows.map((row) => row.start));
  const until = Math.max(...rows.map((row) => row.end));
  return { from, length: Math.max(1, until - from) };
}

const TICKS = 4;

/** Return the times to label on the axis of a waterfall, in milliseconds since its start. */
export function ticksOf({ length }: Window): number[] {
  return Array.from({ length: TICKS + 1 }, (_, index) => (length * index) / TICKS);
}

const MIN_WIDTH = '3px';

/** Return the position of a row's bar: at least as wide as `MIN_WIDTH`, and within its parent's bar. */
export function barPosition({ start, end, parent }: Row, { from, length }: Window): { left: string; width: string } {
  const at = (time: number) => `${((time - from) / length) * 100}%`;
  const bounds = parent ?? { start: from, end: from + length };
  const inside = `max(${at(bounds.start)}, min(${at(start)}, ${at(bounds.end)} - ${MIN_WIDTH}))`;
  return { left: `min(100% - ${MIN_WIDTH}, ${inside})`, width: `max(${MIN_WIDTH}, ${at(end - start + from)})` };
}
