import { useEffect, useRef } from 'react';

export type Shortcuts = Record<string, () => void>;

/** What means the draft as a whole wherever it is pressed. */
const WHILE_TYPING: ReadonlySet<string> = new Set(['mod+enter', 'mod+s']);

/** Keys that work anywhere on the page; most of them not where somebody types: `mod+z`, `shift+l`, `/`. Selected text is copied as such. */
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

/** A character that is no letter is what it is, however it is typed: `/` needs Shift on some keyboards. */
function spelled(event: KeyboardEvent): string {
  const key = keyOf(event);
  const shift = event.shiftKey && (key.length > 1 || /[a-z]/.test(key));
  const parts = [event.ctrlKey || event.metaKey ? 'mod' : '', event.altKey ? 'alt' : '', shift ? 'shift' : '', key];
  return parts.filter(Boolean).join('+');
}

/** A letter that is not Latin stands for the one that is printed on the same key: `я` for `z`. */
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
