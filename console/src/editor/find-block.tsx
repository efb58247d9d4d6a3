import { useMemo, useRef, useState } from 'react';
import { BlockIcon } from '@/canvas/block-icon';
import { Dialog } from '@/ui/dialog';
import { SearchList } from '@/ui/search-list';
import type { Catalog } from '@/workflow/catalog';
import { findBlocks } from '@/workflow/find-blocks';
import type { WorkflowState } from '@/workflow/state';

interface Props {
  catalog: Catalog;
  state: WorkflowState;
  onClose: () => void;
  onChoose: (id: string) => void;
}

/** Dialog that searches the blocks of the workflow by name, type and settings. */
export function FindBlock({ catalog, state, onClose, onChoose }: Props) {
  const [search, setSearch] = useState('');
  const chosen = useRef<string | null>(null);
  const options = useMemo(
    () =>
      findBlocks(state, catalog, search).map(({ block, found }) => ({
        id: block.id,
        icon: <BlockIcon type={block.type} size={28} />,
        title: block.name,
        about: found ?? catalog.get(block.type)?.title ?? block.type,
      })),
    [state, catalog, search],
  );
  return (
    // The canvas pans to the block that gets the focus back. It moves to the chosen block after that.
    <Dialog
      title="Find a block"
      open
      onClose={onClose}
      onClosed={() => chosen.current && onChoose(chosen.current)}
      size="m"
    >
      <SearchList
        label="Search names and settings"
        list="Blocks of this workflow"
        search={search}
        onSearch={setSearch}
        groups={[{ title: 'Blocks', options }]}
        onChoose={({ id }) => {
          chosen.current = id;
          onClose();
        }}
        empty={`No blocks match “${search}”.`}
      />
    </Dialog>
  );
}
