import { isFree, mainHandle, nextHandle, startHandle } from './branches';
import type { BlockType, NewBlock } from './catalog';
import { addBlock, assumedSize, connect, move, removeEdges, type Sizes } from './edit';
import { type Block, type Edge, isContainer, type Point, parentOf, type WorkflowState } from './state';

/** Place of a new block, and its connections. Positions are relative to the container. */
export type Placement =
  | { kind: 'free'; at: Point }
  /** Connected from a handle. `at` is set if a connection was dropped there. */
  | { kind: 'after'; source: string; handle: string; at: Point }
  | { kind: 'before'; target: string; at: Point }
  | { kind: 'edge'; edge: string };

const GAP = 80;
const FIRST_INSIDE = { x: 130, y: 70 };
const UNCONNECTED_CATEGORIES: ReadonlySet<string> = new Set(['trigger', 'note']);

/** Return whether blocks of this type can follow another block. */
export function canFollow(type: BlockType): boolean {
  return !UNCONNECTED_CATEGORIES.has(type.category);
}

/** Return the placement that follows a block: on its only connection if it has one, otherwise to its right. */
export function placementAfter(state: WorkflowState, block: Block, handle: string | null, sizes: Sizes): Placement {
  const inside = isContainer(block) && handle === null;
  const from = handle ?? (inside ? startHandle(block) : nextHandle(state, block));
  const leaving = state.edges.filter((edge) => edge.source === block.id && (edge.sourceHandle ?? 'source') === from);
  const only = leaving.length === 1 && !inside ? leaving[0] : undefined;
  if (only) return { kind: 'edge', edge: only.id };
  const at = inside ? FIRST_INSIDE : { x: block.position.x + widthOf(block, sizes) + GAP, y: block.position.y };
  return { kind: 'after', source: block.id, handle: from, at };
}

/** Add a block at a placement, connect it and move the blocks behind it out of its way. */
export function insertBlock(
  state: WorkflowState,
  made: NewBlock,
  placement: Placement,
  sizes: Sizes = new Map(),
): { state: WorkflowState; id: string } {
  switch (placement.kind) {
    case 'free':
      return addBlock(state, made, placement.at, null, sizes);
    case 'before': {
      const added = addBlock(state, made, placement.at, parentOf(state, placement.target), sizes);
      return joined(added, [[added.id, null, placement.target]]);
    }
    case 'after': {
      const { source, handle, at } = placement;
      const added = addBlock(state, made, at, levelOf(state, source, handle), sizes);
      // A container connects to the first of its blocks only.
      const from = state.blocks[source];
      const isTaken = handle.endsWith('-start-source') && from && !isFree(state, from, handle);
      return isTaken ? added : joined(added, [[source, handle, added.id]]);
    }
    case 'edge': {
      const edge = state.edges.find((each) => each.id === placement.edge);
      if (!edge) return addBlock(state, made, { x: 0, y: 0 }, null, sizes);
      return onEdge(removeEdges(state, [edge.id]), edge, made, sizes);
    }
  }
}

function onEdge(state: WorkflowState, edge: Edge, made: NewBlock, sizes: Sizes): { state: WorkflowState; id: string } {
  const target = state.blocks[edge.target] as Block;
  const parent = parentOf(state, target.id);
  const source = state.blocks[edge.source] as Block;
  const left = source.id === parent ? FIRST_INSIDE.x : source.position.x + widthOf(source, sizes) + GAP;
  const width = made.type === 'loop' || made.type === 'parallel' ? 500 : 250;
  const room = target.position.x - GAP - left - width;
  const x = Math.round(room > 0 ? left + room / 2 : left);
  const cleared = room < 0 ? moveRight(state, target.id, Math.round(-room)) : state;
  const added = addBlock(cleared, made, { x, y: target.position.y }, parent, sizes);
  return joined(added, [
    [edge.source, edge.sourceHandle ?? 'source', added.id],
    [added.id, null, edge.target],
  ]);
}

/** Move a block, and every block that follows it, to the right. */
function moveRight(state: WorkflowState, first: string, by: number): WorkflowState {
  const found = new Set([first]);
  for (const id of found) {
    for (const edge of state.edges) {
      if (edge.source === id && parentOf(state, edge.target) === parentOf(state, first)) found.add(edge.target);
    }
  }
  const places = [...found].flatMap((id) => {
    const block = state.blocks[id];
    return block ? [[id, { x: block.position.x + by, y: block.position.y }] as const] : [];
  });
  return move(state, new Map(places));
}

/** Connect blocks. Without a handle, the connection leaves from the first one of the block. */
function joined(
  { state, id }: { state: WorkflowState; id: string },
  ends: readonly (readonly [string, string | null, string])[],
): { state: WorkflowState; id: string } {
  const connected = ends.reduce((current, [source, handle, target]) => {
    const sourceHandle = handle ?? mainHandle(current.blocks[source] as Block);
    return connect(current, { source, target, sourceHandle });
  }, state);
  return { state: connected, id };
}

/** Return the container of the blocks that a handle connects to. */
export function levelOf(state: WorkflowState, source: string, handle: string): string | null {
  return handle.endsWith('-start-source') ? source : parentOf(state, source);
}

function widthOf(block: Block, sizes: Sizes): number {
  return (sizes.get(block.id) ?? assumedSize(block)).width;
}
