import { notifyManager, type Query, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useSyncExternalStore } from 'react';
import { isStatus, messageOf } from '@/api/errors';
import { SignedOutMessage } from '@/ui/signed-out-message';
import styles from './refresh-error-notice.module.css';

const RETRY_MS = 3_000;

/** Notice that displayed data could not be refreshed. Retries until it can; the page keeps the old data. */
export function RefreshErrorNotice() {
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
    const timer = setInterval(again, RETRY_MS);
    return () => clearInterval(timer);
  }, [client, isLost]);
  return (
    <div className={styles.place} role="status">
      {isLost && (
        <p className={styles.notice}>{isStatus(error, 401) ? <SignedOutMessage /> : `${messageOf(error)} Retrying…`}</p>
      )}
    </div>
  );
}

function isOutdated({ state }: Query): boolean {
  return state.status === 'error' && state.data !== undefined;
}
