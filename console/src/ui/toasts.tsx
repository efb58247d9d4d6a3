import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { createPortal } from 'react-dom';
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

type Lend = (room: HTMLElement | null) => (() => void) | undefined;

const Context = createContext<Toasts | null>(null);
const Rooms = createContext<Lend | undefined>(undefined);
const SHOWN = 3;
const LIFE_MS = 5000;
const LONGEST_LIFE_MS = 20_000;
const LETTER_MS = 50;

/** Short notes about what was just done: at the edge of the screen, or in the window on top, which they never cover. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [notes, setNotes] = useState<Note[]>([]);
  const [rooms, setRooms] = useState<HTMLElement[]>([]);
  const add = useCallback((text: string, bad: boolean) => {
    setNotes((shown) => [...shown, { id: Date.now() + Math.random(), text, bad }].slice(-SHOWN));
  }, []);
  const drop = useCallback((id: number) => setNotes((shown) => shown.filter((note) => note.id !== id)), []);
  const lend = useCallback<Lend>((room) => {
    if (!room) return;
    setRooms((before) => [...before, room]);
    return () => setRooms((before) => before.filter((each) => each !== room));
  }, []);
  const toasts = useMemo<Toasts>(
    () => ({ say: (text) => add(text, false), fail: (error) => add(messageOf(error), true) }),
    [add],
  );
  const room = rooms.at(-1);
  const latest = notes.at(-1);
  return (
    <Context.Provider value={toasts}>
      <Rooms.Provider value={lend}>
        {children}
        {/* What is read out stays in one place: a region that comes with its text is not heard. */}
        <div className="visually-hidden" role="status" aria-live="polite">
          {latest && <p key={latest.id}>{latest.text}</p>}
        </div>
        {latest &&
          createPortal(
            <div className={room ? styles.inside : styles.corner} aria-hidden>
              {notes.map((note) => (
                <Shown key={note.id} note={note} onEnd={drop} />
              ))}
            </div>,
            room ?? document.body,
          )}
      </Rooms.Provider>
    </Context.Provider>
  );
}

/** Where the notes stand while the window around it is the one on top. */
export function ToastRoom() {
  return <div ref={useContext(Rooms)} />;
}

/** Goes after a while; whoever points at it is still reading. */
function Shown({ note: { id, text, bad }, onEnd }: { note: Note; onEnd: (id: number) => void }) {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (held) return;
    const timer = setTimeout(() => onEnd(id), lifeOf(text));
    return () => clearTimeout(timer);
  }, [held, id, text, onEnd]);
  return (
    <p
      className={classNames(styles.toast, bad && styles.bad)}
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
    >
      {text}
    </p>
  );
}

/** As long as it takes to read. */
function lifeOf(text: string): number {
  return Math.min(LONGEST_LIFE_MS, Math.max(LIFE_MS, text.length * LETTER_MS));
}

export function useToasts(): Toasts {
  const toasts = useContext(Context);
  if (!toasts) throw new Error('useToasts outside ToastProvider');
  return toasts;
}
