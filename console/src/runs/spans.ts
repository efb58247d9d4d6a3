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
}

/** Return the spans of a run as rows with their depth. Child spans are clamped to their parent's time. */
export function flattened(spans: readonly Span[]): Row[] {
  const rows: Row[] = [];
  const addRows = (span: Span, depth: number, path: string, parent: Time | null) => {
    const time = clamped(parent, span);
    rows.push({ key: path, span, depth, parent, ...time });
    (span.children ?? []).forEach((child, index) => void addRows(child, depth + 1, `${path}.${index}`, time));
  };
  spans
    .flatMap((span) => (span.type === 'workflow' && span.children ? span.children : [span]))
    .forEach((span, index) => void addRows(span, 0, String(index), null));
  return rows;
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

const MIN_WIDTH = '3px';

/** Return the position of a row's bar: at least as wide as `MIN_WIDTH`, and within its parent's bar. */
export function barPosition({ start, end, parent }: Row, { from, length }: Window): { left: string; width: string } {
  const at = (time: number) => `${((time - from) / length) * 100}%`;
  const bounds = parent ?? { start: from, end: from + length };
  const inside = `max(${at(bounds.start)}, min(${at(start)}, ${at(bounds.end)} - ${MIN_WIDTH}))`;
  return { left: `min(100% - ${MIN_WIDTH}, ${inside})`, width: `max(${MIN_WIDTH}, ${at(end - start + from)})` };
}
