/** Pieces of workflows: copied here, pasted there or into another workflow. */
import { branchSetting, type Condition } from './branches';
import { withContainers } from './containers';
import { ASIDE } from './edit';
import { nameLike, referenceName } from './names';
import { newId } from './new-id';
import { withReferences } from './rewriting';
import { type Block, childrenOf, type Edge, isContainer, listOf, type WorkflowState } from './state';

/** A piece of a workflow, as the clipboard carries it. */
export interface Piece {
  blocks: Block[];
  edges: Edge[];
}

/** The blocks with all that lies in them, and the connections among them. */
export function copy(state: WorkflowState, ids: readonly string[]): Piece {
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

/** Adds a piece under new ids and free names, a little aside. What refers to a block of the piece still does. */
export function paste(state: WorkflowState, piece: Piece): { state: WorkflowState; ids: string[] } {
  const fresh = new Map(piece.blocks.map((block) => [block.id, newId()]));
  const names = new Map<string, string>();
  let current = state;
  for (const block of piece.blocks) {
    const id = fresh.get(block.id) as string;
    const name = nameLike(current, block.name);
    if (name !== block.name) names.set(referenceName(block.name), referenceName(name));
    const made = { ...atHome(block, state, fresh), id, name, subBlocks: withBranches(block, id) };
    current = { ...current, blocks: { ...current.blocks, [id]: made } };
  }
  const ids = [...fresh.values()];
  const blocks = { ...current.blocks };
  for (const id of ids) blocks[id] = withReferences(blocks[id] as Block, names);
  const edges = [...current.edges, ...piece.edges.map((edge) => between(edge, fresh))];
  return { state: withContainers({ ...current, blocks, edges }), ids };
}

/** A block of a piece in its place: in the container that came with it, in the one it was in, or in none. */
function atHome(block: Block, state: WorkflowState, fresh: ReadonlyMap<string, string>): Block {
  const { parentId, extent, ...data } = block.data ?? {};
  const container = parentId && fresh.get(parentId);
  if (container) return { ...block, data: { ...block.data, parentId: container } };
  const position = { x: block.position.x + ASIDE, y: block.position.y + ASIDE };
  return parentId && !isContainer(state.blocks[parentId]) ? { ...block, position, data } : { ...block, position };
}

/** The settings, with the ids of branches, which begin with their block's, beginning with the new one. */
function withBranches(block: Block, id: string): Block['subBlocks'] {
  const setting = branchSetting(block);
  const stored = setting && block.subBlocks[setting.key];
  if (!stored) return block.subBlocks;
  const branches = listOf<Condition>(stored.value).map((each) => ({ ...each, id: moved(each.id, block.id, id) }));
  return { ...block.subBlocks, [setting.key]: { ...stored, value: JSON.stringify(branches) } };
}

function between(edge: Edge, fresh: ReadonlyMap<string, string>): Edge {
  const [source, target] = [fresh.get(edge.source) as string, fresh.get(edge.target) as string];
  const [, prefix, branch] = edge.sourceHandle?.match(/^(condition-|router-)(.*)$/s) ?? [];
  const sourceHandle = prefix ? `${prefix}${moved(branch ?? '', edge.source, source)}` : edge.sourceHandle;
  return { ...edge, id: newId(), source, target, sourceHandle };
}

function moved(branch: string, from: string, to: string): string {
  return branch.startsWith(`${from}-`) ? `${to}${branch.slice(from.length)}` : branch;
}
