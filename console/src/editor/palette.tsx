import { Search } from 'lucide-react';
import { type KeyboardEvent, useEffect, useId, useMemo, useState } from 'react';
import { BlockIcon } from '@/canvas/block-icon';
import { Dialog } from '@/ui/dialog';
import { type BlockType, type Catalogue, offered } from '@/workflow/catalogue';
import type { WorkflowState } from '@/workflow/state';
import styles from './palette.module.css';

const GROUPS = [
  ['trigger', 'Starts'],
  ['block', 'Blocks'],
  ['container', 'Containers'],
  ['tool', 'Tools'],
  ['note', 'Notes'],
] as const;

interface Props {
  catalogue: Catalogue;
  state: WorkflowState;
  open: boolean;
  onClose: () => void;
  onChoose: (type: BlockType) => void;
}

/** Every block that can be added, found by a few letters. */
export function Palette({ catalogue, state, open, onClose, onChoose }: Props) {
  return (
    <Dialog title="Add a block" open={open} onClose={onClose} size="m">
      <PaletteSearch catalogue={catalogue} state={state} onChoose={onChoose} />
    </Dialog>
  );
}

function PaletteSearch({ catalogue, state, onChoose }: Pick<Props, 'catalogue' | 'state' | 'onChoose'>) {
  const [wanted, setWanted] = useState('');
  const [at, setAt] = useState<number | null>(null);
  const list = useId();
  const found = useMemo(() => matching(offered(catalogue, state), wanted), [catalogue, state, wanted]);
  const place = at ?? nearest(found, wanted);
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
          value={wanted}
          onChange={(event) => {
            setWanted(event.target.value);
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
                // biome-ignore lint/a11y/useKeyWithClickEvents: the search field has the keyboard
                // biome-ignore lint/a11y/useFocusableInteractive: it is reached by aria-activedescendant
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
        {!found.length && <p className={styles.about}>No block matches “{wanted}”.</p>}
      </div>
    </div>
  );
}

/** Where the one is that is most likely meant: what is called so, then what begins so, then what is named so at all. */
function nearest(types: readonly BlockType[], wanted: string): number {
  const word = wanted.trim().toLowerCase();
  const distances = types.map(({ title }): number => {
    const name = title.toLowerCase();
    return name === word ? 0 : name.startsWith(word) ? 1 : name.includes(word) ? 2 : 3;
  });
  return distances.indexOf(Math.min(...distances));
}

function matching(types: BlockType[], wanted: string): BlockType[] {
  const word = wanted.trim().toLowerCase();
  const order = GROUPS.map(([category]) => category as string);
  return types
    .filter((type) => `${type.title} ${type.description} ${type.type}`.toLowerCase().includes(word))
    .sort((a, b) => order.indexOf(a.category) - order.indexOf(b.category));
}
