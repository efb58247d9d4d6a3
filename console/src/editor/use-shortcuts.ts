import { useEffect, useRef } from 'react';

export type Shortcuts = Record<string, () => void>;

/** Keys that work anywhere on the page but where somebody types: `mod+z`, `shift+l`, `/`. Selected text is copied as such. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const inDialog = document.querySelector('[role="dialog"]') !== null;
      const keys = spelled(event);
      if (isTyping(event.target) || inDialog || (keys === 'mod+c' && hasSelectedText())) return;
      const action = latest.current[keys];
      if (!action) return;
      event.preventDefault();
      action();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, []);
}

function spelled(event: KeyboardEvent): string {
  const parts = [event.ctrlKey || event.metaKey ? 'mod' : '', event.shiftKey ? 'shift' : '', event.key.toLowerCase()];
  return parts.filter(Boolean).join('+');
}

function hasSelectedText(): boolean {
  return window.getSelection()?.isCollapsed === false;
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
