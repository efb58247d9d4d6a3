import { Button } from './button';
import { CopyButton } from './copy-button';
import { Dialog } from './dialog';
import styles from './show-once-dialog.module.css';

interface Props {
  title: string;
  description: string;
  text: string;
  /** Label of the copy button. */
  copy: string;
  onClose: () => void;
}

/** Dialog that shows a secret in plain text, once. Clicks outside do not close it. */
export function ShowOnceDialog({ title, description, text, copy, onClose }: Props) {
  return (
    <Dialog
      title={title}
      description={description}
      open
      keepsOpenOutside
      onClose={onClose}
      footer={
        <Button variant="primary" onClick={onClose}>
          Done
        </Button>
      }
    >
      <div className={styles.text}>
        <code data-testid="shown-once">{text}</code>
        <CopyButton text={text} label={copy} />
      </div>
    </Dialog>
  );
}
