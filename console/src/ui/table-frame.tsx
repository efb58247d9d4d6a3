import type { ReactNode } from 'react';
import table from './table.module.css';

/** Lets a table scroll sideways where it is wider than the screen, by keyboard too. */
export function TableFrame({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className={table.frame} aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}
