import { Plus, Trash2 } from 'lucide-react';
import { type ReactNode, useEffect, useRef } from 'react';
import { Button, IconButton } from '@/ui/button';
import styles from './item-list.module.css';

interface ListProps<Item> {
  items: readonly Item[];
  keyOf: (item: Item, index: number) => string;
  /** Noun for one item in button labels, such as `message`. */
  noun: string;
  make: () => Item;
  disabled?: boolean;
  onChange: (items: Item[]) => void;
  children: (item: Item, change: (part: Partial<Item>) => void, index: number) => ReactNode;
}

const WRITABLE = 'input, [contenteditable=true]';

/** Editable list of items. A new item takes the focus, ready for its text. */
export function ItemList<Item>({ items, keyOf, noun, make, disabled, onChange, children }: ListProps<Item>) {
  const list = useRef<HTMLDivElement>(null);
  const countAfterAdd = useRef(-1);
  useEffect(() => {
    if (items.length !== countAfterAdd.current) return;
    countAfterAdd.current = -1;
    list.current?.querySelector<HTMLElement>(`:scope > :nth-child(${items.length}) :is(${WRITABLE})`)?.focus();
  }, [items.length]);
  return (
    <div ref={list} className={styles.list}>
      {items.map((item, index) => (
        <div key={keyOf(item, index)} className={styles.item}>
          <div className={styles.content}>
            {children(
              item,
              (part) => onChange(items.map((each, place) => (place === index ? { ...each, ...part } : each))),
              index,
            )}
          </div>
          {!disabled && (
            <IconButton
              label={`Remove ${noun} ${index + 1}`}
              onClick={() => onChange(items.filter((_, place) => place !== index))}
            >
              <Trash2 size={15} aria-hidden />
            </IconButton>
          )}
        </div>
      ))}
      {!disabled && (
        <Button
          className={styles.add}
          icon={<Plus size={15} aria-hidden />}
          onClick={() => {
            countAfterAdd.current = items.length + 1;
            onChange([...items, make()]);
          }}
        >
          Add {noun}
        </Button>
      )}
    </div>
  );
}
