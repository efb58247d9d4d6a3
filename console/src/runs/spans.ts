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
  /** The time of what it is a part of. */
  whole: Time | null;
}

/** The spans below the run itself, each with how deep it lies. A part lies within its whole, whatever the clocks say. */
export function flattened(spans: readonly Span[]): Row[] {
  const rows: Row[] = [];
  const walk = (span: Span, depth: number, path: string, whole: Time | null) => {
    const time = within(whole, span);
    rows.push({ key: path, span, depth, whole, ...time });
    (span.children ?? []).forEach((child, index) => void walk(child, depth + 1, `${path}.${index}`, time));
  };
  spans
    .flatMap((span) => (span.type === 'workflow' && span.children ? span.children : [span]))
    .forEach((span, index) => void walk(span, 0, String(index), null));
  return rows;
}

/** Clocks are read in whole milliseconds: what a model took of one may seem to come after the block that asked it. */
function within(whole: Time | null, { startTime, duration }: Span): Time {
  const start = Date.parse(startTime);
  const end = start + duration;
  if (!whole) return { start, end };
  const into = (moment: number) => Math.min(whole.end, Math.max(whole.start, moment));
  return { start: into(start), end: into(end) };
}

/** When the first span begins, and how long it is until the last one ends, in milliseconds. */
export function windowOf(rows: readonly Time[]): Window {
  const from = Math.min(...rows.map((row) => row.start));
  const until = Math.max(...rows.map((row) => row.end));
  return { from, length: Math.max(1, until - from) };
}

const LEAST = '3px';

/** Where a row's bar lies on its track: wide enough to be seen, and with that still inside of its whole's. */
export function placeOf({ start, end, whole }: Row, { from, length }: Window): { left: string; width: string } {
  const at = (moment: number) => `${((moment - from) / length) * 100}%`;
  const bounds = whole ?? { start: from, end: from + length };
  const inside = `max(${at(bounds.start)}, min(${at(start)}, ${at(bounds.end)} - ${LEAST}))`;
  return { left: `min(100% - ${LEAST}, ${inside})`, width: `max(${LEAST}, ${at(end - start + from)})` };
}
