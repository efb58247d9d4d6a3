import {
  Disc,
  FlaskConical,
  LayoutDashboard,
  type LucideIcon,
  Play,
  Plus,
  Redo2,
  Rocket,
  Search,
  Undo2,
  Variable,
} from 'lucide-react';
import type { Command, CommandGroup } from '@/app/commands';
import { BlockIcon } from '@/canvas/block-icon';
import type { Catalog } from '@/workflow/catalog';
import type { Block, WorkflowState } from '@/workflow/state';

interface Actions {
  run: () => void;
  find: () => void;
  /** Null without the permission, as `edit`. */
  deploy: (() => void) | null;
  edit: {
    add: () => void;
    arrange: () => void;
    editVariables: () => void;
    undo: () => void;
    redo: () => void;
  } | null;
  open: (page: 'replays' | 'recordings') => void;
  show: (id: string) => void;
}

/** Return the commands of the editor for the command palette: actions, and the blocks to go to. */
export function editorCommands(state: WorkflowState, catalog: Catalog, actions: Actions): CommandGroup[] {
  const { edit, deploy } = actions;
  const editing = edit
    ? [
        command('Add block', Plus, '/', edit.add),
        command('Arrange blocks', LayoutDashboard, 'Shift L', edit.arrange),
        command('Edit variables', Variable, '', edit.editVariables),
        command('Undo', Undo2, 'Ctrl Z', edit.undo),
        command('Redo', Redo2, 'Ctrl Shift Z', edit.redo),
      ]
    : [];
  return [
    {
      title: 'This workflow',
      options: [
        command('Run draft', Play, 'Ctrl Enter', actions.run),
        command('Find block', Search, 'Ctrl F', actions.find),
        ...(deploy ? [command('Deploy', Rocket, '', deploy)] : []),
        ...editing,
        command('View replays', FlaskConical, '', () => actions.open('replays')),
        command('View recordings', Disc, '', () => actions.open('recordings')),
      ],
    },
    {
      title: 'Blocks',
      options: Object.values(state.blocks).map((block) => blockCommand(block, catalog, actions.show)),
    },
  ];
}

function command(title: string, Icon: LucideIcon, hint: string, run: () => void): Command {
  return { id: `editor-${title}`, title, icon: <Icon size={17} aria-hidden />, hint, run };
}

function blockCommand(block: Block, catalog: Catalog, show: (id: string) => void): Command {
  const about = catalog.get(block.type)?.title ?? block.type;
  const icon = <BlockIcon type={block.type} size={22} />;
  return { id: `block-${block.id}`, title: block.name, about, icon, run: () => show(block.id) };
}
