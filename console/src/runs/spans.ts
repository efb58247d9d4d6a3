import type { Span } from '@/api/runs';

export interface Row {
  key: string;
  span: Span;
  depth: number;
  start: number;
}

/** The spans below the run itself, each with how deep it lies. */
export function flattened(spans: readonly Span[]): Row[] {
  const rows: Row[] = [];
  const walk = (span: Span, depth: number, path: string) => {
    rows.push({ key: path, span, depth, start: Date.parse(span.startTime) });
    (span.children ?? []).forEach((child, index) => void walk(child, depth + 1, `${path}.${index}`));
  };
  spans
    .flatMap((span) => (span.type === 'workflow' && span.children ? span.children : [span]))
    .forEach((span, index) => void walk(span, 0, String(index)));
  return rows;
}

/** When the first span begins, and how long it is until the last one ends, in milliseconds. */
export function windowOf(rows: readonly Row[]): { from: number; length: number } {
  const from = Math.min(...rows.map((row) => row.start));
  const until = Math.max(...rows.map((row) => row.start + row.span.duration));
  return { from, length: Math.max(1, until - from) };
}
