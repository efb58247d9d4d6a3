import { useEffect, useRef } from 'react';

type Shortcuts = Record<string, () => void>;

/** Shortcuts that also work in text fields. */
const WHILE_TYPING: ReadonlySet<string> = new Set(['mod+enter', 'mod+s']);

/**
 * Register page-wide shortcuts such as `mod+z`, `shift+l` and `/`. Most are inactive in text fields, and `mod+c` leaves
 * selected text to the browser.
 */
export function useShortcuts(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const inDialog = document.querySelector('[role="dialog"]') !== null;
      const keys = spelled(event);
      const isText = isTyping(event.target) && !WHILE_TYPING.has(keys);
      if (isText || inDialog || (keys === 'mod+c' && hasSelectedText())) return;
      const action = latest.current[keys];
      if (!action) return;
      event.preventDefault();
      action();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, []);
}

/** Return the name of the pressed keys. Shift counts for letters only: on some keyboards `/` needs Shift. */
function spelled(event: KeyboardEvent): string {
  const key = keyOf(event);
  const shift = event.shiftKey && (key.length > 1 || /[a-z]/.test(key));
  const parts = [event.ctrlKey || event.metaKey ? 'mod' : '', event.altKey ? 'alt' : '', shift ? 'shift' : '', key];
  return parts.filter(Boolean).join('+');
}

/** Return the key's Latin letter on keyboards with other alphabets: `z` for `я`. */
function keyOf({ key, code }: KeyboardEvent): string {
  const isForeign = key.length === 1 && key > '\u007f';
  return ((isForeign && /^Key([A-Z])$/.exec(code)?.[1]) || key).toLowerCase();
}

function hasSelectedText(): boolean {
  return window.getSelection()?.isCollapsed === false;
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
