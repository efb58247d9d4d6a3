import { X } from 'lucide-react';
import styles from './chip.module.css';

/** Label of an active filter, with a button that removes it. */
export function Chip({ label, onRemove }: { label: string; onRemove: () => void }) {
  return (
    <span className={styles.chip}>
      <span className={styles.label}>{label}</span>
      <button type="button" className={styles.remove} aria-label={`Remove ${label}`} onClick={onRemove}>
        <X size={13} aria-hidden />
      </button>
    </span>
  );
}
