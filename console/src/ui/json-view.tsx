import { useMemo } from 'react';
import type { Json } from '@/workflow/state';
import { CopyButton } from './copy-button';
import styles from './json-view.module.css';

/** More than anybody reads here; a browser that lays out some millions of letters stands still meanwhile. */
const SHOWN = 100_000;

/** A value to read and copy. Of a very long one the beginning is shown; all of it is copied. */
export function JsonView({ value, label }: { value: Json; label?: string }) {
  const text = useMemo(() => (typeof value === 'string' ? value : JSON.stringify(value, null, 2)), [value]);
  return (
    <div className={styles.view}>
      {label && <p className={styles.label}>{label}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre className={styles.text} tabIndex={0}>
        {text.slice(0, SHOWN)}
        {text.length > SHOWN && (
          <span className={styles.rest}>
            {`\n… and ${(text.length - SHOWN).toLocaleString('en-US')} characters more, which Copy takes along.`}
          </span>
        )}
      </pre>
      <div className={styles.copy}>
        <CopyButton text={text} label={label ? `Copy ${label.toLowerCase()}` : 'Copy'} />
      </div>
    </div>
  );
}
