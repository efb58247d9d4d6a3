import { useEffect, useState } from 'react';

const REFRESH_MS = 60_000;

/** Return the current time, updated every minute to keep relative times up to date. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
