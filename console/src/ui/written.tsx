import { createContext, type ReactNode, useContext, useMemo, useReducer, useState } from 'react';
import { useUnsaved } from './use-unsaved';

interface Kept {
  of: (form: string) => object | undefined;
  keep: (form: string, fields: object) => void;
}

const Context = createContext<Kept | null>(null);

/** Keeps what is written in the forms below it while they are closed, and when the session ends. */
export function WrittenForms({ children }: { children: ReactNode }) {
  const [isAnyWritten, setAnyWritten] = useState(false);
  useUnsaved(isAnyWritten);
  const kept = useMemo<Kept>(() => {
    const forms = new Map<string, object>();
    const keep = (form: string, fields: object) => {
      forms.set(form, fields);
      setAnyWritten([...forms.values()].some((each) => Object.keys(each).length > 0));
    };
    return { of: (form) => forms.get(form), keep };
  }, []);
  return <Context.Provider value={kept}>{children}</Context.Provider>;
}

interface Written<Fields> {
  fields: Fields;
  write: (change: Partial<Fields>) => void;
  /** These are saved. What was written into a field since then is not. */
  settle: (saved: Fields) => void;
}

/** The fields of a form: as they were left where they were written and never saved, else as the server has them. */
export function useWritten<Fields extends object>(form: string, stored: Fields): Written<Fields> {
  const kept = useContext(Context);
  if (!kept) throw new Error('useWritten outside WrittenForms');
  const [, drawAgain] = useReducer((times: number) => times + 1, 0);
  const written = () => (kept.of(form) ?? {}) as Partial<Fields>;
  const keep = (next: Partial<Fields>) => {
    kept.keep(form, next);
    drawAgain();
  };
  return {
    fields: { ...stored, ...written() },
    write: (change) => keep({ ...written(), ...change }),
    settle: (saved) => keep(without(written(), saved)),
  };
}

function without<Fields extends object>(written: Partial<Fields>, saved: Fields): Partial<Fields> {
  const rest = Object.entries(written).filter(([key, value]) => value !== saved[key as keyof Fields]);
  return Object.fromEntries(rest) as Partial<Fields>;
}
