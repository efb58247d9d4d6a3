import { Tooltip } from 'radix-ui';
import type { ReactElement, ReactNode } from 'react';
import styles from './tip.module.css';

export const TipProvider = Tooltip.Provider;

/** A tooltip on its one child. */
export function Tip({
  text,
  children,
  side = 'bottom',
}: {
  text: ReactNode;
  children: ReactElement;
  side?: 'bottom' | 'right' | 'top';
}) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger
        asChild
        // Who works with a mouse gets the focus back from what was closed, and asked for no tip.
        onFocus={(event) => event.target.matches(':focus-visible') || event.preventDefault()}
      >
        {children}
      </Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content className={styles.tip} side={side} sideOffset={6} collisionPadding={8}>
          {text}
          <Tooltip.Arrow className={styles.arrow} />
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
