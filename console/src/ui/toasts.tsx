import { Toast } from 'radix-ui';
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from 'react';
import { messageOf } from '@/api/errors';
import { classNames } from './class-names';
import styles from './toasts.module.css';

interface Note {
  id: number;
  text: string;
  bad: boolean;
}

interface Toasts {
  say: (text: string) => void;
  fail: (error: unknown) => void;
}

const Context = createContext<Toasts | null>(null);
const SHOWN = 3;

/** Short notes at the edge of the screen about what was just done. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [notes, setNotes] = useState<Note[]>([]);
  const add = useCallback((text: string, bad: boolean) => {
    setNotes((shown) => [...shown, { id: Date.now() + Math.random(), text, bad }].slice(-SHOWN));
  }, []);
  const toasts = useMemo<Toasts>(
    () => ({ say: (text) => add(text, false), fail: (error) => add(messageOf(error), true) }),
    [add],
  );
  return (
    <Context.Provider value={toasts}>
      <Toast.Provider swipeDirection="right" duration={5000}>
        {children}
        {notes.map((note) => (
          <Toast.Root
            key={note.id}
            className={classNames(styles.toast, note.bad && styles.bad)}
            onOpenChange={(open) => open || setNotes((shown) => shown.filter((each) => each.id !== note.id))}
          >
            <Toast.Description>{note.text}</Toast.Description>
          </Toast.Root>
        ))}
        <Toast.Viewport className={styles.viewport} />
      </Toast.Provider>
    </Context.Provider>
  );
}

export function useToasts(): Toasts {
  const toasts = useContext(Context);
  if (!toasts) throw new Error('useToasts outside ToastProvider');
  return toasts;
}
