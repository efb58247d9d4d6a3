import { Search } from 'lucide-react';
import { type KeyboardEvent, useEffect, useId, useMemo, useState } from 'react';
import { BlockIcon } from '@/canvas/block-icon';
import { Dialog } from '@/ui/dialog';
import { addableTypes, type BlockType, type Catalog } from '@/workflow/catalog';
import type { WorkflowState } from '@/workflow/state';
import styles from './palette.module.css';

const GROUPS = [
  ['trigger', 'Triggers'],
  ['block', 'Blocks'],
  ['container', 'Containers'],
  ['tool', 'Tools'],
  ['note', 'Notes'],
] as const;

interface Props {
  catalog: Catalog;
  state: WorkflowState;
  open: boolean;
  onClose: () => void;
  onChoose: (type: BlockType) => void;
}

/** Searchable list of the blocks that can be added. */
export function Palette({ catalog, state, open, onClose, onChoose }: Props) {
  return (
    <Dialog title="Add a block" open={open} onClose={onClose} size="m">
      <PaletteSearch catalog={catalog} state={state} onChoose={onChoose} />
    </Dialog>
  );
}

function PaletteSearch({ catalog, state, onChoose }: Pick<Props, 'catalog' | 'state' | 'onChoose'>) {
  const [search, setSearch] = useState('');
  const [at, setAt] = useState<number | null>(null);
  const list = useId();
  const found = useMemo(() => matching(addableTypes(catalog, state), search), [catalog, state, search]);
  const place = at ?? bestMatch(found, search);
  const chosen = found[place];
  const chosenId = chosen && `${list}-${chosen.type}`;
  useEffect(() => {
    if (chosenId) document.getElementById(chosenId)?.scrollIntoView({ block: 'nearest' });
  }, [chosenId]);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setAt((place + step + found.length) % Math.max(1, found.length));
    } else if (event.key === 'Enter' && chosen) {
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
          aria-label="Search blocks"
          aria-expanded
          aria-controls={list}
          aria-activedescendant={chosenId}
          placeholder="Search blocks"
          autoComplete="off"
          value={search}
          onChange={(event) => {
            setSearch(event.target.value);
            setAt(null);
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <div id={list} role="listbox" aria-label="Blocks" className={styles.list}>
        {GROUPS.map(([category, title]) => {
          const types = found.filter((type) => type.category === category);
          if (!types.length) return null;
          return (
            // biome-ignore lint/a11y/useSemanticElements: a group of options inside a listbox
            <div key={category} role="group" aria-label={title}>
              <p className={styles.group} aria-hidden>
                {title}
              </p>
              {types.map((type) => (
                // biome-ignore lint/a11y/useKeyWithClickEvents: the search field handles the keyboard
                // biome-ignore lint/a11y/useFocusableInteractive: focus stays in the search field, which uses aria-activedescendant
                <div
                  key={type.type}
                  id={`${list}-${type.type}`}
                  role="option"
                  aria-selected={type === chosen}
                  className={styles.option}
                  onClick={() => onChoose(type)}
                >
                  <BlockIcon type={type.type} size={28} />
                  <span className={styles.title}>{type.title}</span>
                  <span className={styles.about}>{type.description}</span>
                </div>
              ))}
            </div>
          );
        })}
        {!found.length && <p className={styles.about}>No blocks match “{search}”.</p>}
      </div>
    </div>
  );
}

/** Return the index of the best match: exact title first, then prefix, then substring. */
function bestMatch(types: readonly BlockType[], search: string): number {
  const word = search.trim().toLowerCase();
  const distances = types.map(({ title }): number => {
    const name = title.toLowerCase();
    return name === word ? 0 : name.startsWith(word) ? 1 : name.includes(word) ? 2 : 3;
  });
  return distances.indexOf(Math.min(...distances));
}

function matching(types: BlockType[], search: string): BlockType[] {
  const word = search.trim().toLowerCase();
  const order = GROUPS.map(([category]) => category as string);
  return types
    .filter((type) => `${type.title} ${type.description} ${type.type}`.toLowerCase().includes(word))
    .sort((a, b) => order.indexOf(a.category) - order.indexOf(b.category));
}
