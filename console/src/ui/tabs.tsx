import { Tabs as Radix } from 'radix-ui';
import { type ReactNode, useState } from 'react';
import styles from './tabs.module.css';

export const Tabs = Radix.Root;
export const TabPanel = Radix.Content;

/** Tab panel that stays mounted once opened, so that its form state survives switching tabs. */
export function PersistentTabPanel({
  value,
  isOpen,
  children,
}: {
  value: string;
  isOpen: boolean;
  children: ReactNode;
}) {
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
