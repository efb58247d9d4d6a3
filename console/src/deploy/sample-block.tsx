import type { ReactNode } from 'react';
import { CopyButton } from '@/ui/copy-button';
import { highlighted } from './highlight';
import styles from './sample-block.module.css';

interface Props {
  title: string;
  code: string;
  /** Control next to the copy button. */
  choice?: ReactNode;
}

export function SampleBlock({ title, code, choice }: Props) {
  return (
    <section className={styles.block} aria-label={title}>
      <div className={styles.head}>
        <h3>{title}</h3>
        <div className={styles.tools}>
          <CopyButton text={code} label={`Copy: ${title}`} />
          {choice}
        </div>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable by keyboard */}
      <pre className={styles.code} tabIndex={0}>
        <code>{highlighted(code)}</code>
      </pre>
    </section>
  );
}
