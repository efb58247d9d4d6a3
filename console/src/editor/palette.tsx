import { useMemo, useState } from 'react';
import { BlockIcon } from '@/canvas/block-icon';
import { Dialog } from '@/ui/dialog';
import { matches, SearchList } from '@/ui/search-list';
import { addableTypes, type BlockType, type Catalog } from '@/workflow/catalog';
import { canFollow } from '@/workflow/insert';
import type { WorkflowState } from '@/workflow/state';

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
  /** Whether to offer only blocks that can be connected. */
  connected: boolean;
  open: boolean;
  onClose: () => void;
  onChoose: (type: BlockType) => void;
}

/** Searchable list of the blocks that can be added. */
export function Palette({ open, onClose, ...search }: Props) {
  return (
    <Dialog title="Add a block" open={open} onClose={onClose} size="m">
      <PaletteSearch {...search} />
    </Dialog>
  );
}

function PaletteSearch({ catalog, state, connected, onChoose }: Omit<Props, 'open' | 'onClose'>) {
  const [search, setSearch] = useState('');
  const groups = useMemo(() => {
    const types = addableTypes(catalog, state).filter(
      (type) =>
        (!connected || canFollow(type)) && matches(`${type.title} ${type.description} ${type.type}`, search.trim()),
    );
    return GROUPS.map(([category, title]) => ({
      title,
      options: types.filter((type) => type.category === category).map(optionOf),
    }));
  }, [catalog, state, connected, search]);
  return (
    <SearchList
      label="Search blocks"
      list="Blocks"
      search={search}
      onSearch={setSearch}
      groups={groups}
      onChoose={({ type }) => onChoose(type)}
      empty={`No blocks match “${search}”.`}
    />
  );
}

function optionOf(type: BlockType) {
  const icon = <BlockIcon type={type.type} size={28} />;
  return { id: type.type, title: type.title, about: type.description, icon, type };
}
