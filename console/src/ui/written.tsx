import { createContext, type ReactNode, useContext, useReducer, useState } from 'react';

type Kept = Map<string, object>;

const Context = createContext<Kept | null>(null);

/** Keeps what is written in the forms below it while they are closed. */
export function WrittenForms({ children }: { children: ReactNode }) {
  const [kept] = useState<Kept>(() => new Map());
  return <Context.Provider value={kept}>{children}</Context.Provider>;
}

interface Written<Fields> {
  fields: Fields;
  /** Whether there is something that was never saved. */
  isWritten: boolean;
  write: (change: Partial<Fields>) => void;
  /** These are saved. What was written into a field since then is not. */
  settle: (saved: Fields) => void;
}

/** The fields of a form: as they were left where they were written and never saved, else as the server has them. */
export function useWritten<Fields extends object>(form: string, stored: Fields): Written<Fields> {
  const kept = useContext(Context);
  if (!kept) throw new Error('useWritten outside WrittenForms');
  const [, drawAgain] = useReducer((times: number) => times + 1, 0);
  const written = () => (kept.get(form) ?? {}) as Partial<Fields>;
  const keep = (next: Partial<Fields>) => {
    kept.set(form, next);
    drawAgain();
  };
  return {
    fields: { ...stored, ...written() },
    isWritten: Object.keys(written()).length > 0,
    write: (change) => keep({ ...written(), ...change }),
    settle: (saved) => keep(without(written(), saved)),
  };
}

function without<Fields extends object>(written: Partial<Fields>, saved: Fields): Partial<Fields> {
  const rest = Object.entries(written).filter(([key, value]) => value !== saved[key as keyof Fields]);
  return Object.fromEntries(rest) as Partial<Fields>;
}
