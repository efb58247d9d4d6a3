import { X } from 'lucide-react';
import { memo } from 'react';
import { IconButton } from '@/ui/button';
import { Select } from '@/ui/field';
import { branchesOf, handleTitle, mainHandle, startHandle } from '@/workflow/branches';
import { type Catalog, isTrigger } from '@/workflow/catalog';
import type { DraftStore } from '@/workflow/draft-store';
import { connect, removeEdges } from '@/workflow/edit';
import { targetsOf } from '@/workflow/graph';
import { type Block, isContainer, type WorkflowState } from '@/workflow/state';
import styles from './connections.module.css';

interface Props {
  id: string;
  state: WorkflowState;
  store: DraftStore;
  catalog: Catalog;
  disabled: boolean;
}

/** List of a block's outgoing connections: the keyboard alternative to connecting blocks on the canvas. */
export const Connections = memo(function Connections({ id, state, store, catalog, disabled }: Props) {
  const block = state.blocks[id];
  return block ? <OutgoingConnections {...{ block, state, store, catalog, disabled }} /> : null;
});

function OutgoingConnections({ block, state, store, catalog, disabled }: Omit<Props, 'id'> & { block: Block }) {
  const ways = outgoingHandles(block, catalog.get(block.type)?.hasErrorPort ?? false);
  const edges = state.edges.filter((edge) => edge.source === block.id && state.blocks[edge.target]);
  return (
    <section className={styles.connections} aria-label="Connections">
      <h3>Connects to</h3>
      {edges.length === 0 && <p className={styles.none}>No connections yet.</p>}
      <ul>
        {edges.map((edge) => (
          <li key={edge.id} className={styles.edge}>
            <span>
              {state.blocks[edge.target]?.name}
              <span className={styles.way}> {handleTitle(block, edge.sourceHandle)}</span>
            </span>
            {!disabled && (
              <IconButton
                label={`Disconnect ${state.blocks[edge.target]?.name}`}
                onClick={() => store.edit((current) => removeEdges(current, [edge.id]))}
              >
                <X size={15} aria-hidden />
              </IconButton>
            )}
          </li>
        ))}
      </ul>
      {!disabled &&
        ways.map(({ handle, title }) => {
          const targets = targetsOf(state, block.id, handle).filter((target) => canFollow(target, catalog));
          if (!targets.length) return null;
          return (
            <Select
              key={handle}
              aria-label={`Connect ${title || block.name} to`}
              value=""
              onChange={(event) =>
                store.edit((current) =>
                  connect(current, { source: block.id, target: event.target.value, sourceHandle: handle }),
                )
              }
            >
              <option value="">Connect{title && ` “${title}”`} to…</option>
              {targets.map((target) => (
                <option key={target.id} value={target.id}>
                  {target.name}
                </option>
              ))}
            </Select>
          );
        })}
    </section>
  );
}

/** Return whether a block can have incoming connections. Triggers and notes cannot. */
function canFollow(block: Block, catalog: Catalog): boolean {
  return block.type !== 'note' && !isTrigger(block, catalog.get(block.type));
}

function outgoingHandles(block: Block, hasErrorPort: boolean): { handle: string; title: string }[] {
  const branches = branchesOf(block);
  const main = branches.length ? branches : [{ handle: mainHandle(block), title: '' }];
  const inside = isContainer(block) ? [{ handle: startHandle(block), title: 'inside' }] : [];
  const error = hasErrorPort ? [{ handle: 'error', title: 'on error' }] : [];
  return [...main, ...inside, ...error];
}
