/** Range of selected buckets, by index. The end is exclusive. */
export interface Range {
  start: number;
  end: number;
}

/** Return the bucket at a place, as a fraction of the plot's width. */
export function bucketAt(fraction: number, buckets: number): number {
  return Math.min(buckets - 1, Math.max(0, Math.floor(fraction * buckets)));
}

/** Return the range between two buckets, in either order. */
export function rangeBetween(one: number, other: number): Range {
  return { start: Math.min(one, other), end: Math.max(one, other) + 1 };
}

export type Edge = 'start' | 'end';

/** Return the range after a key was pressed on one of its edges, or null if the key does not move it. */
export function movedByKey(range: Range, edge: Edge, key: string, buckets: number): Range | null {
  const first = edge === 'start' ? 0 : range.start + 1;
  const last = edge === 'start' ? range.end - 1 : buckets;
  const page = Math.max(2, Math.round(buckets / 10));
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowDown: -1,
    ArrowRight: 1,
    ArrowUp: 1,
    PageDown: -page,
    PageUp: page,
    Home: -buckets,
    End: buckets,
  };
  const step = steps[key];
  if (step === undefined) return null;
  return { ...range, [edge]: Math.min(last, Math.max(first, range[edge] + step)) };
}

/** Return the buckets that a time range covers, or null if it covers none or all of them. */
export function rangeOf(starts: readonly number[], end: number, from: number, to: number): Range | null {
  const overlapping = starts.map((start, index) => start < to && (starts[index + 1] ?? end) > from);
  const first = overlapping.indexOf(true);
  if (first === -1) return null;
  const range = { start: first, end: overlapping.lastIndexOf(true) + 1 };
  return range.end - range.start === starts.length ? null : range;
}
