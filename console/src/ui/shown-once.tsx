import { Button } from './button';
import { CopyButton } from './copy-button';
import { Dialog } from './dialog';
import styles from './shown-once.module.css';

interface Props {
  title: string;
  description: string;
  text: string;
  /** What the button that copies it is called. */
  copy: string;
  onClose: () => void;
}

/** Something secret in clear, to be copied before the dialog is closed: a click that misses it takes nothing away. */
export function ShownOnce({ title, description, text, copy, onClose }: Props) {
  return (
    <Dialog
      title={title}
      description={description}
      open
      isHeld
      onClose={onClose}
      footer={
        <Button look="primary" onClick={onClose}>
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
