import { Tabs as Radix } from 'radix-ui';
import type { ReactNode } from 'react';
import styles from './tabs.module.css';

export const Tabs = Radix.Root;
export const TabPanel = Radix.Content;

export function TabList({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Radix.List className={styles.list} aria-label={label}>
      {children}
    </Radix.List>
  );
}

export function Tab({ value, children }: { value: string; children: ReactNode }) {
  return (
    <Radix.Trigger className={styles.tab} value={value}>
      {children}
    </Radix.Trigger>
  );
}
