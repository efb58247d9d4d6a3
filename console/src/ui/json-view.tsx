import type { Json } from '@/workflow/state';
import { CopyButton } from './copy-button';
import styles from './json-view.module.css';

/** A value to read and copy. */
export function JsonView({ value, label }: { value: Json; label?: string }) {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return (
    <div className={styles.view}>
      {label && <p className={styles.label}>{label}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre className={styles.text} tabIndex={0}>
        {text}
      </pre>
      <div className={styles.copy}>
        <CopyButton text={text} label={label ? `Copy ${label.toLowerCase()}` : 'Copy'} />
      </div>
    </div>
  );
}
