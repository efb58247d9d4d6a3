/** Copy and paste of blocks, also between workflows. */
import { branchSetting, type Condition } from './branches';
import { withContainers } from './containers';
import { PASTE_OFFSET } from './edit';
import { nameLike, referenceName } from './names';
import { newId } from './new-id';
import { renameReferences } from './rename-references';
import { type Block, childrenOf, type Edge, isContainer, listOf, type WorkflowState } from './state';

/** Blocks and the edges between them, as stored in the clipboard. */
export interface CopiedBlocks {
  blocks: Block[];
  edges: Edge[];
}

/** Return the blocks with their children and the edges between them. */
export function copy(state: WorkflowState, ids: readonly string[]): CopiedBlocks {
  const taken = new Set<string>();
  const take = (id: string): void => {
    taken.add(id);
    childrenOf(state, id).forEach(take);
  };
  ids.forEach(take);
  return {
    blocks: Object.values(state.blocks).filter((block) => taken.has(block.id)),
    edges: state.edges.filter((edge) => taken.has(edge.source) && taken.has(edge.target)),
  };
}

/** Add copied blocks with new ids and free names, at an offset. References between them are updated. */
export function paste(state: WorkflowState, copied: CopiedBlocks): { state: WorkflowState; ids: string[] } {
  const newIds = new Map(copied.blocks.map((block) => [block.id, newId()]));
  const names = new Map<string, string>();
  let current = state;
  for (const block of copied.blocks) {
    const id = newIds.get(block.id) as string;
    const name = nameLike(current, block.name);
    if (name !== block.name) names.set(referenceName(block.name), referenceName(name));
    const made = { ...withParent(block, state, newIds), id, name, subBlocks: withBranches(block, id) };
    current = { ...current, blocks: { ...current.blocks, [id]: made } };
  }
  const ids = [...newIds.values()];
  const blocks = { ...current.blocks };
  for (const id of ids) blocks[id] = renameReferences(blocks[id] as Block, names);
  const edges = [...current.edges, ...copied.edges.map((edge) => withNewEnds(edge, newIds))];
  return { state: withContainers({ ...current, blocks, edges }), ids };
}

/** Return the block with its parent: the copied container, the original one if it exists, or none. */
function withParent(block: Block, state: WorkflowState, newIds: ReadonlyMap<string, string>): Block {
  const { parentId, extent, ...data } = block.data ?? {};
  const container = parentId && newIds.get(parentId);
  if (container) return { ...block, data: { ...block.data, parentId: container } };
  const position = { x: block.position.x + PASTE_OFFSET, y: block.position.y + PASTE_OFFSET };
  return parentId && !isContainer(state.blocks[parentId]) ? { ...block, position, data } : { ...block, position };
}

/** Return the settings with branch ids, which start with the block's id, adapted to the new id. */
function withBranches(block: Block, id: string): Block['subBlocks'] {
  const setting = branchSetting(block);
  const stored = setting && block.subBlocks[setting.key];
  if (!stored) return block.subBlocks;
  const branches = listOf<Condition>(stored.value).map((each) => ({ ...each, id: moved(each.id, block.id, id) }));
  return { ...block.subBlocks, [setting.key]: { ...stored, value: JSON.stringify(branches) } };
}

function withNewEnds(edge: Edge, newIds: ReadonlyMap<string, string>): Edge {
  const [source, target] = [newIds.get(edge.source) as string, newIds.get(edge.target) as string];
  const [, prefix, branch] = edge.sourceHandle?.match(/^(condition-|router-)(.*)$/s) ?? [];
  const sourceHandle = prefix ? `${prefix}${moved(branch ?? '', edge.source, source)}` : edge.sourceHandle;
  return { ...edge, id: newId(), source, target, sourceHandle };
}

function moved(branch: string, from: string, to: string): string {
  return branch.startsWith(`${from}-`) ? `${to}${branch.slice(from.length)}` : branch;
}
