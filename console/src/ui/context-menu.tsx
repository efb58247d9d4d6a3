import { ContextMenu as Radix } from 'radix-ui';
import { type ReactElement, type ReactNode, useRef } from 'react';
import styles from './menu.module.css';

export interface ContextMenuItem {
  label: string;
  icon?: ReactNode;
  shortcut?: string;
  danger?: boolean;
  disabled?: boolean;
  onSelect: () => void;
}

interface Props {
  /** Groups of items. Without any, the browser's own menu opens. */
  groups: readonly (readonly ContextMenuItem[])[];
  label: string;
  children: ReactElement;
}

/** Menu that opens by right-click, long press or the menu key. */
export function ContextMenu({ groups, label, children }: Props) {
  const chosen = useRef<ContextMenuItem | null>(null);
  const focused = useRef<Element | null>(null);
  const onOpenChange = (open: boolean) => {
    if (!open) return;
    chosen.current = null;
    focused.current = document.activeElement;
  };
  // The item runs once the focus is back, so that a dialog it opens can return the focus in turn.
  const onCloseAutoFocus = (event: Event) => {
    event.preventDefault();
    if (focused.current instanceof HTMLElement) focused.current.focus();
    chosen.current?.onSelect();
  };
  const onInteractOutside = () => {
    focused.current = null;
  };
  return (
    <Radix.Root modal={false} onOpenChange={onOpenChange}>
      <Radix.Trigger asChild disabled={!groups.length}>
        {children}
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          className={styles.menu}
          aria-label={label}
          collisionPadding={8}
          {...{ onCloseAutoFocus, onInteractOutside }}
        >
          {groups.map((items, index) => (
            <Radix.Group key={items[0]?.label}>
              {index > 0 && <Radix.Separator className={styles.line} />}
              {items.map((item) => (
                <Radix.Item
                  key={item.label}
                  className={styles.item}
                  data-danger={item.danger || undefined}
                  disabled={item.disabled}
                  onSelect={() => {
                    chosen.current = item;
                  }}
                >
                  {item.icon}
                  {item.label}
                  {item.shortcut && (
                    <span className={styles.shortcut} aria-hidden>
                      {item.shortcut}
                    </span>
                  )}
                </Radix.Item>
              ))}
            </Radix.Group>
          ))}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
