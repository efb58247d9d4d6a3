import { X } from 'lucide-react';
import { memo } from 'react';
import { IconButton } from '@/ui/button';
import { Select } from '@/ui/field';
import { branchesOf, handleTitle, mainHandle, startHandle } from '@/workflow/branches';
import { type Catalogue, isTrigger } from '@/workflow/catalogue';
import type { DraftStore } from '@/workflow/draft-store';
import { connect, removeEdges } from '@/workflow/edit';
import { targetsOf } from '@/workflow/graph';
import { type Block, isContainer, type WorkflowState } from '@/workflow/state';
import styles from './connections.module.css';

interface Props {
  id: string;
  state: WorkflowState;
  store: DraftStore;
  catalogue: Catalogue;
  disabled: boolean;
}

/** Where a block leads, in words: what the mouse does on the canvas, for the keyboard. */
export const Connections = memo(function Connections({ id, state, store, catalogue, disabled }: Props) {
  const block = state.blocks[id];
  return block ? <WaysOut {...{ block, state, store, catalogue, disabled }} /> : null;
});

function WaysOut({ block, state, store, catalogue, disabled }: Omit<Props, 'id'> & { block: Block }) {
  const ways = waysOut(block, catalogue.get(block.type)?.hasErrorPort ?? false);
  const edges = state.edges.filter((edge) => edge.source === block.id && state.blocks[edge.target]);
  return (
    <section className={styles.connections} aria-label="Connections">
      <h3>Leads to</h3>
      {edges.length === 0 && <p className={styles.none}>Nothing yet.</p>}
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
          const targets = targetsOf(state, block.id, handle).filter((target) => canFollow(target, catalogue));
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

/** Whether something can lead to a block: nothing leads to what starts the workflow, or never runs. */
function canFollow(block: Block, catalogue: Catalogue): boolean {
  return block.type !== 'note' && !isTrigger(block, catalogue.get(block.type));
}

function waysOut(block: Block, hasErrorPort: boolean): { handle: string; title: string }[] {
  const branches = branchesOf(block);
  const main = branches.length ? branches : [{ handle: mainHandle(block), title: '' }];
  const inside = isContainer(block) ? [{ handle: startHandle(block), title: 'inside' }] : [];
  const error = hasErrorPort ? [{ handle: 'error', title: 'on error' }] : [];
  return [...main, ...inside, ...error];
}
