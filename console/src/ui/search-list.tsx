import { Search } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useEffect, useId, useState } from 'react';
import styles from './search-list.module.css';

export interface SearchOption {
  id: string;
  icon?: ReactNode;
  title: string;
  about?: string;
  /** Text at the end, for a shortcut or a time. */
  hint?: string;
}

export interface SearchGroup<Option> {
  title: string;
  options: readonly Option[];
}

interface Props<Option> {
  /** Name of the search field, also its placeholder unless another is given. */
  label: string;
  placeholder?: string;
  /** Name of the list. */
  list: string;
  search: string;
  onSearch: (search: string) => void;
  groups: readonly SearchGroup<Option>[];
  onChoose: (option: Option) => void;
  /** Shown if there are no options. */
  empty: ReactNode;
}

/** Search field with a list of options in groups. The keyboard moves through the list, the focus stays in the field. */
export function SearchList<Option extends SearchOption>(props: Props<Option>) {
  const { label, placeholder = label, list, search, onSearch, groups, onChoose, empty } = props;
  const [at, setAt] = useState<number | null>(null);
  const listId = useId();
  const options = groups.flatMap((group) => group.options);
  const place = Math.min(at ?? bestMatch(options, search), options.length - 1);
  const chosen = options[place];
  const chosenId = chosen && `${listId}-${chosen.id}`;
  useEffect(() => {
    if (chosenId) document.getElementById(chosenId)?.scrollIntoView({ block: 'nearest' });
  }, [chosenId]);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setAt((place + step + options.length) % Math.max(1, options.length));
    } else if (event.key === 'Enter' && chosen && !event.nativeEvent.isComposing) {
      event.preventDefault();
      onChoose(chosen);
    }
  };
  return (
    <div className={styles.palette}>
      <div className={styles.search}>
        <Search size={16} aria-hidden />
        <input
          role="combobox"
          aria-label={label}
          aria-expanded
          aria-controls={listId}
          aria-activedescendant={chosenId}
          placeholder={placeholder}
          autoComplete="off"
          value={search}
          onChange={(event) => {
            onSearch(event.target.value);
            setAt(null);
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <div id={listId} role="listbox" aria-label={list} className={styles.list}>
        {groups.map(
          (group) =>
            group.options.length > 0 && (
              // biome-ignore lint/a11y/useSemanticElements: a group of options inside a listbox
              <div key={group.title} role="group" aria-label={group.title}>
                <p className={styles.group} aria-hidden>
                  {group.title}
                </p>
                {group.options.map((option) => (
                  // biome-ignore lint/a11y/useKeyWithClickEvents: the search field handles the keyboard
                  // biome-ignore lint/a11y/useFocusableInteractive: focus stays in the search field, which uses aria-activedescendant
                  <div
                    key={option.id}
                    id={`${listId}-${option.id}`}
                    role="option"
                    aria-selected={option === chosen}
                    className={styles.option}
                    onMouseDown={(event) => event.preventDefault()} // the search field keeps the focus
                    onClick={() => onChoose(option)}
                  >
                    <span className={styles.icon}>{option.icon}</span>
                    <span className={styles.title}>{option.title}</span>
                    <span className={styles.about}>{option.about}</span>
                    {option.hint && <span className={styles.hint}>{option.hint}</span>}
                  </div>
                ))}
              </div>
            ),
        )}
        {!options.length && <p className={styles.about}>{empty}</p>}
      </div>
    </div>
  );
}

/** Return the index of the best match: exact title first, then prefix, then substring. */
function bestMatch(options: readonly SearchOption[], search: string): number {
  const word = search.trim().toLowerCase();
  if (!word) return 0;
  const distances = options.map(({ title }): number => {
    const name = title.toLowerCase();
    return name === word ? 0 : name.startsWith(word) ? 1 : name.includes(word) ? 2 : 3;
  });
  return distances.indexOf(Math.min(...distances));
}

/** Return whether a text contains every word of a search. */
export function matches(text: string, search: string): boolean {
  const lower = text.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}
