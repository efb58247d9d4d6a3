import { useState } from 'react';

type StoredList = readonly string[] | null;

/** Return a list that the browser stores under `key`, null if it has stored none. */
export function useStoredList(key: string): [StoredList, (list: readonly string[]) => void] {
  const [list, setList] = useState<StoredList>(() => readList(key));
  const store = (next: readonly string[]) => {
    setList(next);
    localStorage.setItem(key, JSON.stringify(next));
  };
  return [list, store];
}

function readList(key: string): StoredList {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? 'null');
    return Array.isArray(stored) && stored.every((each) => typeof each === 'string') ? stored : null;
  } catch {
    return null;
  }
}
