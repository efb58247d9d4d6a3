import { createContext, type ReactNode, useContext, useState } from 'react';

type Kept = Map<string, object>;

const Context = createContext<Kept | null>(null);

/** Keeps what is written in the forms below it while they are closed. */
export function WrittenForms({ children }: { children: ReactNode }) {
  const [kept] = useState<Kept>(() => new Map());
  return <Context.Provider value={kept}>{children}</Context.Provider>;
}

interface Written<Fields> {
  fields: Fields;
  write: (change: Partial<Fields>) => void;
  /** They are saved: what is shown next time is what the server has. */
  settle: () => void;
}

/** The fields of a form: as they were left where they were written and never saved, else as they are to begin with. */
export function useWritten<Fields extends object>(form: string, toBeginWith: Fields): Written<Fields> {
  const kept = useContext(Context);
  if (!kept) throw new Error('useWritten outside WrittenForms');
  const [fields, setFields] = useState<Fields>(() => ({ ...toBeginWith, ...kept.get(form) }));
  const write = (change: Partial<Fields>) => {
    kept.set(form, { ...kept.get(form), ...change });
    setFields((before) => ({ ...before, ...change }));
  };
  return { fields, write, settle: () => void kept.delete(form) };
}
