import { notifyManager, type Query, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useSyncExternalStore } from 'react';
import { isStatus, messageOf } from '@/api/errors';
import { SignInElsewhere } from '@/ui/sign-in-elsewhere';
import styles from './outdated-notice.module.css';

const AGAIN_MS = 3_000;

/** Says that what is seen could not be renewed, and goes on trying: the page itself stays as it is. */
export function OutdatedNotice() {
  const client = useQueryClient();
  const cache = client.getQueryCache();
  const error = useSyncExternalStore(
    useCallback((listener) => cache.subscribe(notifyManager.batchCalls(listener)), [cache]),
    () => cache.findAll({ type: 'active', predicate: isOutdated })[0]?.state.error ?? null,
  );
  const isLost = error !== null;
  useEffect(() => {
    if (!isLost) return;
    const again = () => void client.refetchQueries({ type: 'active', predicate: isOutdated });
    const timer = setInterval(again, AGAIN_MS);
    return () => clearInterval(timer);
  }, [client, isLost]);
  return (
    <div className={styles.place} role="status">
      {isLost && (
        <p className={styles.notice}>
          {isStatus(error, 401) ? <SignInElsewhere /> : `${messageOf(error)} Trying again…`}
        </p>
      )}
    </div>
  );
}

function isOutdated({ state }: Query): boolean {
  return state.status === 'error' && state.data !== undefined;
}
