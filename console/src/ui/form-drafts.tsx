import { createContext, type ReactNode, useContext, useMemo, useReducer, useState } from 'react';
import { useUnsavedForm } from './use-unsaved-form';

interface Drafts {
  of: (form: string) => object | undefined;
  store: (form: string, fields: object) => void;
}

const Context = createContext<Drafts | null>(null);

/** Provider that keeps unsaved input of the forms below it while they are closed or the session is expired. */
export function FormDrafts({ children }: { children: ReactNode }) {
  const [hasUnsaved, setHasUnsaved] = useState(false);
  useUnsavedForm(hasUnsaved);
  const drafts = useMemo<Drafts>(() => {
    const forms = new Map<string, object>();
    const store = (form: string, fields: object) => {
      forms.set(form, fields);
      setHasUnsaved([...forms.values()].some((each) => Object.keys(each).length > 0));
    };
    return { of: (form) => forms.get(form), store };
  }, []);
  return <Context.Provider value={drafts}>{children}</Context.Provider>;
}

interface FormDraft<Fields> {
  fields: Fields;
  update: (change: Partial<Fields>) => void;
  /** Drop the input that equals `saved`. Fields changed since then stay unsaved. */
  markSaved: (saved: Fields) => void;
}

/** Return the fields of a form: unsaved input where there is any, otherwise the stored values. */
export function useFormDraft<Fields extends object>(form: string, stored: Fields): FormDraft<Fields> {
  const drafts = useContext(Context);
  if (!drafts) throw new Error('useFormDraft outside FormDrafts');
  const [, rerender] = useReducer((times: number) => times + 1, 0);
  const unsaved = () => (drafts.of(form) ?? {}) as Partial<Fields>;
  const store = (next: Partial<Fields>) => {
    drafts.store(form, next);
    rerender();
  };
  return {
    fields: { ...stored, ...unsaved() },
    update: (change) => store({ ...unsaved(), ...change }),
    markSaved: (saved) => store(without(unsaved(), saved)),
  };
}

function without<Fields extends object>(unsaved: Partial<Fields>, saved: Fields): Partial<Fields> {
  const rest = Object.entries(unsaved).filter(([key, value]) => value !== saved[key as keyof Fields]);
  return Object.fromEntries(rest) as Partial<Fields>;
}
