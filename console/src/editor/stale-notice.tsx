import { useState } from 'react';
import { isStatus, messageOf } from '@/api/errors';
import { useSaveStatus } from '@/canvas/use-draft';
import { Button } from '@/ui/button';
import { SignInElsewhere } from '@/ui/sign-in-elsewhere';
import { useToasts } from '@/ui/toasts';
import type { DraftSaver } from '@/workflow/draft-saver';
import styles from './stale-notice.module.css';

/** Says that saving does not work, and lets the author decide where two people were at it. */
export function StaleNotice({ saver, onReload }: { saver: DraftSaver; onReload: () => void }) {
  const status = useSaveStatus(saver);
  const { fail } = useToasts();
  const [busy, setBusy] = useState(false);
  if (status === 'failed') {
    return (
      <div className={styles.notice} role="alert">
        <p className={styles.text}>
          <strong>Your changes are not saved.</strong>{' '}
          {isStatus(saver.error, 401) ? <SignInElsewhere /> : messageOf(saver.error)}
        </p>
        <Button onClick={() => void saver.flush()}>Save again</Button>
      </div>
    );
  }
  if (status !== 'stale') return null;
  const keep = () => {
    setBusy(true);
    saver
      .keepMine()
      .catch(fail)
      .finally(() => setBusy(false));
  };
  return (
    <div className={styles.notice} role="alert">
      <p className={styles.text}>
        <strong>Someone else saved this workflow meanwhile.</strong>{' '}
        {saver.isBehind ? 'Your changes are still here, and nothing was replaced.' : 'What you see here is older.'}
      </p>
      <Button onClick={onReload}>{saver.isBehind ? 'Discard mine, load theirs' : 'Load theirs'}</Button>
      {saver.isBehind && (
        <Button look="amber" busy={busy} onClick={keep}>
          Replace theirs with mine
        </Button>
      )}
    </div>
  );
}
