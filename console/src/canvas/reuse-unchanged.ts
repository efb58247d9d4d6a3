import { useEffect, useMemo, useRef } from 'react';

interface Drawn {
  id: string;
}

/** Levels to compare: node, data, rows, row. */
const DEPTH = 3;

/**
 * Return `now` with unchanged items replaced by the objects of `before`, or `before` itself if nothing changed. Items
 * that keep their identity are not rendered again.
 */
export function reuseUnchanged<Each extends Drawn>(before: Each[], now: readonly Each[]): Each[] {
  const known = new Map(before.map((each) => [each.id, each]));
  const merged = now.map((each) => {
    const old = known.get(each.id);
    return old && isAlike(old, each, DEPTH) ? old : each;
  });
  return merged.length === before.length && merged.every((each, n) => each === before[n]) ? before : merged;
}

export function useUnchangedItems<Each extends Drawn>(now: readonly Each[]): Each[] {
  const before = useRef<Each[]>([]);
  const merged = useMemo(() => reuseUnchanged(before.current, now), [now]);
  useEffect(() => {
    before.current = merged;
  }, [merged]);
  return merged;
}

/** Return whether all entries of `now` equal those of `old`. Values below `depth` are compared by identity. */
function isAlike(old: unknown, now: unknown, depth: number): boolean {
  if (Object.is(old, now)) return true;
  if (depth < 0 || !isObject(old) || !isObject(now)) return false;
  return Object.entries(now).every(([key, value]) => isAlike(old[key], value, depth - 1));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
