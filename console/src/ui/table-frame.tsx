import type { ReactNode } from 'react';
import table from './table.module.css';

/** Container that lets a wide table scroll horizontally, also by keyboard. */
export function TableFrame({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable by keyboard
    <section className={table.frame} aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}
