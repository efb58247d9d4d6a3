import { useSyncExternalStore } from 'react';

type Theme = 'light' | 'dark';

const CHOSEN = 'flowport.theme'; // public/theme.js reads it before the first paint
const listeners = new Set<() => void>();

function current(): Theme {
  return document.documentElement.dataset.theme === 'light' ? 'light' : 'dark';
}

function show(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  for (const listener of listeners) listener();
}

export function setTheme(theme: Theme): void {
  localStorage.setItem(CHOSEN, theme);
  show(theme);
}

/** Follow changes of the system theme until the user chooses one. */
export function followSystemTheme(): void {
  matchMedia('(prefers-color-scheme: light)').addEventListener('change', ({ matches }) => {
    if (localStorage.getItem(CHOSEN) === null) show(matches ? 'light' : 'dark');
  });
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, current);
}
