import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { createPortal } from 'react-dom';
import { messageOf } from '@/api/errors';
import { Button } from './button';
import { classNames } from './class-names';
import styles from './toasts.module.css';

/** Button of a toast, such as Undo. */
interface ToastAction {
  label: string;
  onAction: () => void;
}

interface Toast {
  id: number;
  text: string;
  isError: boolean;
  action?: ToastAction;
}

interface Toasts {
  notify: (text: string, action?: ToastAction) => void;
  fail: (error: unknown) => void;
}

type RegisterOutlet = (outlet: HTMLElement | null) => (() => void) | undefined;

const Context = createContext<Toasts | null>(null);
const Outlets = createContext<RegisterOutlet | undefined>(undefined);
const MAX_TOASTS = 3;
const MIN_DURATION_MS = 5000;
const MAX_DURATION_MS = 20_000;
const MS_PER_CHARACTER = 50;

/**
 * Toasts, shown in the corner of the page or inside the topmost dialog, where they do not cover its actions. Opening a
 * dialog closes the toasts of the page before it.
 */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [items, setItems] = useState<Toast[]>([]);
  const [outlets, setOutlets] = useState<HTMLElement[]>([]);
  const add = useCallback((text: string, isError: boolean, action?: ToastAction) => {
    setItems((shown) => [...shown, { id: Date.now() + Math.random(), text, isError, action }].slice(-MAX_TOASTS));
  }, []);
  const drop = useCallback((id: number) => setItems((shown) => shown.filter((toast) => toast.id !== id)), []);
  const registerOutlet = useCallback<RegisterOutlet>((outlet) => {
    if (!outlet) return;
    setItems([]);
    setOutlets((before) => [...before, outlet]);
    return () => setOutlets((before) => before.filter((each) => each !== outlet));
  }, []);
  const toasts = useMemo<Toasts>(
    () => ({ notify: (text, action) => add(text, false, action), fail: (error) => add(messageOf(error), true) }),
    [add],
  );
  const outlet = outlets.at(-1);
  const latest = items.at(-1);
  return (
    <Context.Provider value={toasts}>
      <Outlets.Provider value={registerOutlet}>
        {/* The live region must exist before its text: screen readers ignore a region that is added with its text. It
            comes first, because below a page of full height it would make the page scroll. */}
        <div className="visually-hidden" role="status" aria-live="polite">
          {latest && <p key={latest.id}>{latest.text}</p>}
        </div>
        {children}
        {latest &&
          createPortal(
            <div className={outlet ? styles.inside : styles.corner}>
              {items.map((toast) => (
                <ToastMessage key={toast.id} toast={toast} onEnd={drop} />
              ))}
            </div>,
            outlet ?? document.body,
          )}
      </Outlets.Provider>
    </Context.Provider>
  );
}

/** Place for toasts inside a dialog, used while that dialog is the topmost one. */
export function ToastOutlet() {
  return <div ref={useContext(Outlets)} />;
}

/** Toast that closes after a while, but not while the pointer or the focus is on it. */
function ToastMessage({ toast: { id, text, isError, action }, onEnd }: { toast: Toast; onEnd: (id: number) => void }) {
  const [isPaused, setPaused] = useState(false);
  useEffect(() => {
    if (isPaused) return;
    const timer = setTimeout(() => onEnd(id), durationOf(text));
    return () => clearTimeout(timer);
  }, [isPaused, id, text, onEnd]);
  return (
    <div
      className={classNames(styles.toast, isError && styles.bad)}
      onPointerEnter={() => setPaused(true)}
      onPointerLeave={() => setPaused(false)}
    >
      <p aria-hidden>{text}</p>
      {action && (
        <Button
          onFocus={() => setPaused(true)}
          onBlur={() => setPaused(false)}
          onClick={() => {
            onEnd(id);
            action.onAction();
          }}
        >
          {action.label}
        </Button>
      )}
    </div>
  );
}

/** Return how long a toast stays, by the length of its text. */
function durationOf(text: string): number {
  return Math.min(MAX_DURATION_MS, Math.max(MIN_DURATION_MS, text.length * MS_PER_CHARACTER));
}

export function useToasts(): Toasts {
  const toasts = useContext(Context);
  if (!toasts) throw new Error('useToasts outside ToastProvider');
  return toasts;
}
