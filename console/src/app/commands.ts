import { type ReactNode, useEffect, useRef } from 'react';

/** Entry of the command palette. */
export interface Command {
  id: string;
  title: string;
  about?: string;
  icon?: ReactNode;
  /** Shortcut or time, shown at the end. */
  hint?: string;
  run: () => void;
}

export interface CommandGroup {
  title: string;
  options: readonly Command[];
}

type Source = () => readonly CommandGroup[];

const NONE: Source = () => [];
let source = NONE;

/** Offer commands of the current page in the command palette. They are read when the palette opens. */
export function useCommands(commands: Source): void {
  const latest = useRef(commands);
  latest.current = commands;
  useEffect(() => {
    const own = () => latest.current();
    source = own;
    return () => {
      if (source === own) source = NONE;
    };
  }, []);
}

/** Return the commands of the current page. */
export function pageCommands(): readonly CommandGroup[] {
  return source();
}
