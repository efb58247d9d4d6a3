import { RotateCw, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { messageOf } from '@/api/errors';
import { Button } from './button';
import { classNames } from './class-names';
import styles from './states.module.css';

type Tone = 'green' | 'amber' | 'red' | 'blue' | 'quiet';

export function Badge({ tone = 'quiet', dot, children }: { tone?: Tone; dot?: boolean; children: ReactNode }) {
  return (
    <span className={classNames(styles.badge, styles[tone])}>
      {dot && <span className={styles.dot} aria-hidden />}
      {children}
    </span>
  );
}

/** Empty state: title, explanation and an optional action. */
export function Empty({ icon, title, children }: { icon?: ReactNode; title: string; children?: ReactNode }) {
  return (
    <div className={styles.empty}>
      {icon && <div className={styles.icon}>{icon}</div>}
      <p className={styles.title}>{title}</p>
      {children && <div className={styles.text}>{children}</div>}
    </div>
  );
}

/** Placeholder for content that failed to load. */
export function LoadError({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  return (
    <div className={styles.empty} role="alert">
      <div className={styles.icon}>
        <TriangleAlert size={22} aria-hidden />
      </div>
      <p className={styles.title}>Failed to load</p>
      <div className={styles.text}>{messageOf(error)}</div>
      {onRetry && (
        <Button icon={<RotateCw size={15} aria-hidden />} onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** Inline error message. */
export function InlineError({ error }: { error: unknown }) {
  if (!error) return null;
  return (
    <p className={styles.problem} role="alert">
      <TriangleAlert size={15} aria-hidden />
      <span>{messageOf(error)}</span>
    </p>
  );
}

/** Loading placeholder with the size of the content, which avoids layout shifts. */
export function Skeleton({ rows = 3, height = '2.75rem' }: { rows?: number; height?: string }) {
  return (
    <div className={styles.skeletons} role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are identical
        <div key={row} className={styles.skeleton} style={{ height }} />
      ))}
    </div>
  );
}
