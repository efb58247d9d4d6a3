import {
  ClipboardPaste,
  Copy,
  CopyPlus,
  LayoutDashboard,
  Plus,
  Power,
  Scissors,
  Search,
  Settings2,
  Trash2,
} from 'lucide-react';
import { type KeyboardEvent, type MouseEvent, type PointerEvent, type ReactNode, useState } from 'react';
import { ContextMenu, type ContextMenuItem } from '@/ui/context-menu';
import type { Point } from '@/workflow/state';

/** Element of the canvas that the menu was opened on. */
export type MenuTarget = { kind: 'canvas'; at: Point } | { kind: 'block'; id: string } | { kind: 'edge'; id: string };

export interface CanvasMenuActions {
  readOnly: boolean;
  canPaste: () => boolean;
  /** Return the selected blocks if the block is one of them, otherwise only the block. */
  blocksAt: (id: string) => readonly string[];
  isEnabled: (ids: readonly string[]) => boolean;
  canPrecede: (id: string) => boolean;
  addAt: (target: MenuTarget) => void;
  openSettings: (id: string) => void;
  duplicate: (ids: readonly string[]) => void;
  copy: (ids: readonly string[]) => void;
  cut: (ids: readonly string[]) => void;
  toggle: (ids: readonly string[]) => void;
  remove: (ids: readonly string[]) => void;
  removeEdge: (id: string) => void;
  paste: () => void;
  find: () => void;
  arrange: () => void;
}

interface Props {
  actions: CanvasMenuActions;
  className?: string;
  onKeyDownCapture?: (event: KeyboardEvent) => void;
  children: ReactNode;
}

const ICON = { size: 15, 'aria-hidden': true } as const;

/** Canvas with a context menu for the block, connection or place under the pointer. */
export function CanvasMenu({ actions, className, onKeyDownCapture, children }: Props) {
  const [target, setTarget] = useState<MenuTarget>({ kind: 'canvas', at: { x: 0, y: 0 } });
  // A long press opens the menu from its first pointer event, a right-click or the menu key from a later one.
  const aim = (event: MouseEvent | PointerEvent) => {
    if (event.type === 'pointerdown' && (event as PointerEvent).pointerType === 'mouse') return;
    setTarget(targetOf(event));
  };
  return (
    <ContextMenu label="Canvas" groups={itemsOf(target, actions)}>
      <div
        className={className}
        onKeyDownCapture={onKeyDownCapture}
        onPointerDownCapture={aim}
        onContextMenuCapture={aim}
      >
        {children}
      </div>
    </ContextMenu>
  );
}

function targetOf({ target, clientX: x, clientY: y }: MouseEvent): MenuTarget {
  const element = target as Element;
  const block = element.closest<HTMLElement>('.react-flow__node')?.dataset.id;
  const edge = element.closest<HTMLElement>('.react-flow__edge')?.dataset.id;
  if (block) return { kind: 'block', id: block };
  return edge ? { kind: 'edge', id: edge } : { kind: 'canvas', at: { x, y } };
}

function itemsOf(target: MenuTarget, actions: CanvasMenuActions): ContextMenuItem[][] {
  const groups =
    target.kind === 'canvas'
      ? canvasItems(target, actions)
      : target.kind === 'edge'
        ? edgeItems(target, actions)
        : blockItems(target, actions);
  return groups.filter((items) => items.length > 0);
}

function canvasItems(target: MenuTarget, actions: CanvasMenuActions): ContextMenuItem[][] {
  const find = { label: 'Find block', shortcut: 'Ctrl F', icon: <Search {...ICON} />, onSelect: actions.find };
  if (actions.readOnly) return [[find]];
  return [
    [
      { label: 'Add block', icon: <Plus {...ICON} />, onSelect: () => actions.addAt(target) },
      {
        label: 'Paste',
        shortcut: 'Ctrl V',
        icon: <ClipboardPaste {...ICON} />,
        disabled: !actions.canPaste(),
        onSelect: actions.paste,
      },
    ],
    [find, { label: 'Arrange', shortcut: 'Shift L', icon: <LayoutDashboard {...ICON} />, onSelect: actions.arrange }],
  ];
}

function edgeItems(target: MenuTarget & { kind: 'edge' }, actions: CanvasMenuActions): ContextMenuItem[][] {
  if (actions.readOnly) return [];
  return [
    [{ label: 'Insert block', icon: <Plus {...ICON} />, onSelect: () => actions.addAt(target) }],
    [
      {
        label: 'Delete connection',
        icon: <Trash2 {...ICON} />,
        danger: true,
        onSelect: () => actions.removeEdge(target.id),
      },
    ],
  ];
}

function blockItems(target: MenuTarget & { kind: 'block' }, actions: CanvasMenuActions): ContextMenuItem[][] {
  const ids = actions.blocksAt(target.id);
  const copy = { label: 'Copy', shortcut: 'Ctrl C', icon: <Copy {...ICON} />, onSelect: () => actions.copy(ids) };
  const open = { label: 'Settings', icon: <Settings2 {...ICON} />, onSelect: () => actions.openSettings(target.id) };
  const single = ids.length === 1;
  if (actions.readOnly) return [single ? [open, copy] : [copy]];
  const next = { label: 'Add next block', icon: <Plus {...ICON} />, onSelect: () => actions.addAt(target) };
  const blocks = single ? 'block' : `${ids.length} blocks`;
  return [
    single ? (actions.canPrecede(target.id) ? [open, next] : [open]) : [],
    [
      {
        label: 'Duplicate',
        shortcut: 'Ctrl D',
        icon: <CopyPlus {...ICON} />,
        onSelect: () => actions.duplicate(ids),
      },
      copy,
      { label: 'Cut', shortcut: 'Ctrl X', icon: <Scissors {...ICON} />, onSelect: () => actions.cut(ids) },
      {
        label: actions.isEnabled(ids) ? 'Disable' : 'Enable',
        shortcut: 'Shift E',
        icon: <Power {...ICON} />,
        onSelect: () => actions.toggle(ids),
      },
    ],
    [{ label: `Delete ${blocks}`, icon: <Trash2 {...ICON} />, danger: true, onSelect: () => actions.remove(ids) }],
  ];
}
