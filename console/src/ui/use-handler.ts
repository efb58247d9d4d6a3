import { useCallback, useRef } from 'react';

/** A handler that is always the same function, and does what the latest one does. */
export function useHandler<Given extends unknown[]>(handler: (...given: Given) => void): (...given: Given) => void {
  const latest = useRef(handler);
  latest.current = handler;
  return useCallback((...given: Given) => latest.current(...given), []);
}
