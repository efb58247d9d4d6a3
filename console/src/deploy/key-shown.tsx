import type { NewKey } from '@/api/keys';
import { Button } from '@/ui/button';
import { CopyButton } from '@/ui/copy-button';
import { Dialog } from '@/ui/dialog';
import styles from './key-shown.module.css';

/** A key in clear, to be copied before the dialog is closed. */
export function KeyShown({ made, onClose }: { made: NewKey; onClose: () => void }) {
  return (
    <Dialog
      title="Your API key"
      description="Copy it now: it is not shown again."
      open
      onClose={onClose}
      footer={
        <Button look="primary" onClick={onClose}>
          Done
        </Button>
      }
    >
      <div className={styles.key}>
        <code data-testid="new-key">{made.key}</code>
        <CopyButton text={made.key} label="Copy key" />
      </div>
    </Dialog>
  );
}
