import { useMemo } from 'react';
import type { Json } from '@/workflow/state';
import { CopyButton } from './copy-button';
import styles from './json-view.module.css';

/** Maximum number of characters rendered. Laying out millions of characters would freeze the browser. */
const SHOWN = 100_000;

/** Read-only value with a copy button. Long values are truncated on screen, but copied in full. */
export function JsonView({ value, label }: { value: Json; label?: string }) {
  const text = useMemo(() => (typeof value === 'string' ? value : JSON.stringify(value, null, 2)), [value]);
  return (
    <div className={styles.view}>
      {label && <p className={styles.label}>{label}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable by keyboard */}
      <pre className={styles.text} tabIndex={0}>
        {text.slice(0, SHOWN)}
        {text.length > SHOWN && (
          <span className={styles.rest}>
            {`\n… and ${(text.length - SHOWN).toLocaleString('en-US')} more characters. Copy includes the full value.`}
          </span>
        )}
      </pre>
      <div className={styles.copy}>
        <CopyButton text={text} label={label ? `Copy ${label.toLowerCase()}` : 'Copy'} />
      </div>
    </div>
  );
}
