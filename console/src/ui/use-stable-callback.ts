import { useCallback, useRef } from 'react';

/** Return a function with a stable identity that calls the latest `handler`. */
export function useStableCallback<Given extends unknown[]>(
  handler: (...given: Given) => void,
): (...given: Given) => void {
  const latest = useRef(handler);
  latest.current = handler;
  return useCallback((...given: Given) => latest.current(...given), []);
}
