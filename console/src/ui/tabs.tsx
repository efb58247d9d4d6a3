import { Tabs as Radix } from 'radix-ui';
import { type ReactNode, useState } from 'react';
import styles from './tabs.module.css';

export const Tabs = Radix.Root;
export const TabPanel = Radix.Content;

/** A tab's content that stays once it was seen: what was written into it is still there after a look at another tab. */
export function KeptTabPanel({ value, isOpen, children }: { value: string; isOpen: boolean; children: ReactNode }) {
  const [seen, setSeen] = useState(isOpen);
  if (isOpen && !seen) setSeen(true);
  return (
    <Radix.Content value={value} tabIndex={-1} forceMount={seen || undefined} hidden={!isOpen}>
      {children}
    </Radix.Content>
  );
}

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
