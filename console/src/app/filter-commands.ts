import { matches } from '@/ui/search-list';
import type { CommandGroup } from './commands';

/** Number of commands per group, without and with a search. */
const FIRST = 5;
const FOUND = 12;

/** Return the commands that contain all words of a search, a few of each group. */
export function filterCommands(groups: readonly CommandGroup[], search: string): CommandGroup[] {
  const words = search.trim();
  return groups.map(({ title, options }) => ({
    title,
    options: options
      .filter((command) => matches(`${title} ${command.title} ${command.about ?? ''}`, words))
      .slice(0, words ? FOUND : FIRST),
  }));
}
