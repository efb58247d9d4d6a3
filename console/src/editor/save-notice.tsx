import { useState } from 'react';
import { isStatus, messageOf } from '@/api/errors';
import { useSaveStatus } from '@/canvas/use-draft';
import { Button } from '@/ui/button';
import { SignedOutMessage } from '@/ui/signed-out-message';
import { useToasts } from '@/ui/toasts';
import type { Catalog } from '@/workflow/catalog';
import type { DraftSaver } from '@/workflow/draft-saver';
import { CombineChanges } from './combine-changes';
import styles from './save-notice.module.css';

interface Props {
  saver: DraftSaver;
  catalog: Catalog;
  onReload: () => void;
}

/** Notice that the draft could not be saved, with a choice if someone else changed it. */
export function SaveNotice({ saver, catalog, onReload }: Props) {
  const status = useSaveStatus(saver);
  const { fail } = useToasts();
  const [busy, setBusy] = useState(false);
  const [isCombining, setCombining] = useState(false);
  if (status === 'failed') {
    return (
      <div className={styles.notice} role="alert">
        <p className={styles.text}>
          <strong>Your changes are not saved.</strong>{' '}
          {isStatus(saver.error, 401) ? <SignedOutMessage /> : messageOf(saver.error)}
        </p>
        <Button onClick={() => void saver.flush()}>Try again</Button>
      </div>
    );
  }
  if (status !== 'stale') return null;
  const keep = () => {
    setBusy(true);
    saver
      .overwrite()
      .catch(fail)
      .finally(() => setBusy(false));
  };
  return (
    <div className={styles.notice} role="alert">
      <p className={styles.text}>
        <strong>Someone else changed this workflow.</strong>{' '}
        {saver.hasUnsavedChanges
          ? 'Your changes are not saved, and theirs were not overwritten.'
          : 'You are viewing an older draft.'}
      </p>
      <Button onClick={onReload}>{saver.hasUnsavedChanges ? 'Discard my changes' : 'Load latest'}</Button>
      {saver.hasUnsavedChanges && (
        <>
          <Button busy={busy} onClick={keep}>
            Overwrite with mine
          </Button>
          <Button variant="amber" onClick={() => setCombining(true)}>
            Combine changes
          </Button>
        </>
      )}
      {isCombining && <CombineChanges saver={saver} catalog={catalog} onClose={() => setCombining(false)} />}
    </div>
  );
}
