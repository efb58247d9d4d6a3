import { type RefObject, useEffect, useState } from 'react';
import { Button } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { Tip } from '@/ui/tip';
import styles from './live.module.css';

/** Live updates are on, paused while the user reads further down, or off. */
export type LiveState = 'on' | 'paused' | 'off';

const TIPS: Record<LiveState, string> = {
  on: 'New runs appear as they start',
  paused: 'Paused while you scroll',
  off: 'New runs appear when you reload',
};

/** Button that turns live updates on and off. */
export function LiveToggle({ state, onChange }: { state: LiveState; onChange: (isOn: boolean) => void }) {
  return (
    <Tip text={TIPS[state]}>
      <Button aria-pressed={state !== 'off'} onClick={() => onChange(state === 'off')}>
        <span
          className={classNames(styles.dot, state === 'on' && styles.on, state === 'paused' && styles.halted)}
          aria-hidden
        />
        Live
      </Button>
    </Tip>
  );
}

/** Notice at the edge of the window that live updates are paused. */
export function LivePaused() {
  return (
    <div className={styles.notice} role="status">
      <Button onClick={() => window.scrollTo({ top: 0 })}>Live updates paused. Back to latest runs</Button>
    </div>
  );
}

/** Return whether the user has scrolled past an element. */
export function useScrolledPast(element: RefObject<HTMLElement | null>): boolean {
  const [isPast, setPast] = useState(false);
  useEffect(() => {
    if (!element.current) return;
    const observer = new IntersectionObserver(([entry]) => {
      setPast(entry !== undefined && !entry.isIntersecting && entry.boundingClientRect.top < 0);
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return isPast;
}
