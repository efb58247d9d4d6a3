/** Edits of a workflow. Each function takes a state and returns a new one. */
import { type NewBlock, START_TYPES } from './catalog';
import { withContainers } from './containers';
import { type Connection, connectionProblem } from './graph';
import { freeName, nameLike, referenceName } from './names';
import { newId } from './new-id';
import { renameReferences } from './rename-references';
import {
  type Block,
  type BlockData,
  childrenOf,
  type Edge,
  isContainer,
  type Json,
  type Point,
  parentOf,
  type Retry,
  type Size,
  type SubBlock,
  type Variable,
  type WorkflowState,
} from './state';

const GAP = 48;
export const PASTE_OFFSET = 48;
/** Size of a block that the canvas has not measured: that of an agent, the tallest. */
const ASSUMED = { width: 250, height: 260 };
export const CONTAINER_SIZE = { width: 500, height: 300 };

export function changeBlock(state: WorkflowState, id: string, change: Partial<Block>): WorkflowState {
  const block = state.blocks[id];
  return block ? { ...state, blocks: { ...state.blocks, [id]: { ...block, ...change } } } : state;
}

/** Measured sizes of the blocks on the canvas. */
export type Sizes = ReadonlyMap<string, Size>;

export function addBlock(
  state: WorkflowState,
  made: NewBlock,
  position: Point,
  parent: string | null,
  sizes: Sizes = new Map(),
): { state: WorkflowState; id: string } {
  const id = newId();
  const container = made.type === 'loop' || made.type === 'parallel';
  const data: BlockData = {
    ...(parent ? { parentId: parent, extent: 'parent' } : {}),
    ...(container ? { ...CONTAINER_SIZE, type: 'subflowNode', count: 5 } : {}),
    ...(made.type === 'loop' ? { loopType: 'for' } : {}),
    ...(made.type === 'parallel' ? { parallelType: 'count' } : {}),
  };
  const block: Block = {
    id,
    type: made.type,
    // The docs refer to `<start.input>`, so the first start block gets no number.
    name: START_TYPES.has(made.type) ? nameLike(state, made.title) : freeName(state, made.title),
    position: freePlace(state, position, container ? CONTAINER_SIZE : ASSUMED, parent, sizes),
    subBlocks: branching(made, id),
    outputs: {},
    enabled: true,
    data,
  };
  return { state: withContainers({ ...state, blocks: { ...state.blocks, [id]: block } }), id };
}

/** Return the position, moved below any blocks it would overlap. */
function freePlace(state: WorkflowState, at: Point, size: Size, parent: string | null, sizes: Sizes): Point {
  const bottoms = Object.values(state.blocks)
    .filter((block) => parentOf(state, block.id) === parent)
    .map((block) => ({ ...block.position, ...(sizes.get(block.id) ?? assumedSize(block)) }))
    .filter(({ x, width }) => x < at.x + size.width && at.x < x + width)
    .filter(({ y, height }) => y < at.y + size.height && at.y < y + height)
    .map(({ y, height }) => y + height);
  if (!bottoms.length) return at;
  return freePlace(state, { x: at.x, y: Math.round(Math.max(...bottoms)) + GAP }, size, parent, sizes);
}

export function assumedSize(block: Block): Size {
  const { width, height } = isContainer(block) ? CONTAINER_SIZE : ASSUMED;
  return { width: block.data?.width ?? width, height: block.data?.height ?? height };
}

/** Return the initial settings of a new block. Conditions and routers get two branches with the block's id in theirs. */
function branching({ type, subBlocks }: NewBlock, id: string): Record<string, SubBlock> {
  const first = {
    condition: ['conditions', 'condition-input', [entry(`${id}-if`, 'if'), entry(`${id}-else`, 'else')]],
    router_v2: ['routes', 'router-input', [entry(`${id}-route1`, ''), entry(`${id}-route2`, '')]],
  }[type] as [string, string, Json] | undefined;
  if (!first) return subBlocks;
  const [key, control, value] = first;
  return { ...subBlocks, [key]: { id: key, type: control, value: JSON.stringify(value) } };
}

function entry(id: string, title: string): Json {
  return { id, title, value: '' };
}

/** Rename a block and update all references to it. */
export function renameBlock(state: WorkflowState, id: string, name: string): WorkflowState {
  const block = state.blocks[id];
  if (!block) return state;
  const [old, now] = [referenceName(block.name), referenceName(name)];
  const renamed = changeBlock(state, id, { name: name.trim() });
  if (old === now) return renamed;
  const names = new Map([[old, now]]);
  const blocks = Object.fromEntries(
    Object.entries(renamed.blocks).map(([key, each]) => [key, renameReferences(each, names)]),
  );
  return withContainers({ ...renamed, blocks });
}

export function setValue(state: WorkflowState, id: string, key: string, type: string, value: Json): WorkflowState {
  const block = state.blocks[id];
  if (!block) return state;
  const stored = block.subBlocks[key];
  if (stored && stored.value === value) return state;
  const subBlock = stored ? { ...stored, value } : { id: key, type, value };
  const changed = changeBlock(state, id, { subBlocks: { ...block.subBlocks, [key]: subBlock } });
  return withoutLostBranches(changed, id);
}

/** Remove the edges of deleted branches. */
function withoutLostBranches(state: WorkflowState, id: string): WorkflowState {
  const block = state.blocks[id];
  if (block?.type !== 'condition' && block?.type !== 'router_v2') return state;
  const prefix = block.type === 'condition' ? 'condition-' : 'router-';
  const text = JSON.stringify(block.subBlocks);
  const lost = ({ source, sourceHandle }: Edge) =>
    source === id && sourceHandle?.startsWith(prefix) && !text.includes(sourceHandle.slice(prefix.length));
  return state.edges.some(lost) ? { ...state, edges: state.edges.filter((edge) => !lost(edge)) } : state;
}

export function setData(state: WorkflowState, id: string, change: BlockData): WorkflowState {
  const block = state.blocks[id];
  return block ? withContainers(changeBlock(state, id, { data: { ...block.data, ...change } })) : state;
}

export function setRetry(state: WorkflowState, id: string, retry: Retry): WorkflowState {
  return changeBlock(state, id, { retry });
}

export function toggleEnabled(state: WorkflowState, ids: readonly string[]): WorkflowState {
  if (!ids.length) return state;
  const off = ids.some((id) => state.blocks[id]?.enabled !== false);
  return withContainers(ids.reduce((current, id) => changeBlock(current, id, { enabled: !off }), state));
}

export function move(state: WorkflowState, positions: ReadonlyMap<string, Point>): WorkflowState {
  const moved = [...positions].flatMap(([id, position]) => {
    const block = state.blocks[id];
    const stays = !block || (block.position.x === position.x && block.position.y === position.y);
    return stays ? [] : [[id, { ...block, position }] as const];
  });
  return moved.length ? { ...state, blocks: { ...state.blocks, ...Object.fromEntries(moved) } } : state;
}

/** Move a block into or out of a container. Removes connections that would cross the border. */
export function moveInto(state: WorkflowState, id: string, parent: string | null, position: Point): WorkflowState {
  const block = state.blocks[id];
  if (!block) return state;
  const { parentId: _, extent: __, ...rest } = block.data ?? {};
  const data = parent ? { ...rest, parentId: parent, extent: 'parent' } : rest;
  const moved = changeBlock(state, id, { data, position });
  return withContainers({ ...moved, edges: moved.edges.filter((edge) => !crosses(moved, edge)) });
}

function crosses(state: WorkflowState, edge: Edge): boolean {
  const level = edge.sourceHandle?.endsWith('-start-source') ? edge.source : parentOf(state, edge.source);
  return parentOf(state, edge.target) !== level;
}

/** Remove blocks with their children and connections. */
export function removeBlocks(state: WorkflowState, ids: readonly string[]): WorkflowState {
  if (!ids.length) return state;
  const removed = new Set<string>();
  const take = (id: string): void => {
    if (removed.has(id)) return;
    removed.add(id);
    for (const child of childrenOf(state, id)) take(child);
  };
  ids.forEach(take);
  const blocks = Object.fromEntries(Object.entries(state.blocks).filter(([id]) => !removed.has(id)));
  const edges = state.edges.filter((edge) => !removed.has(edge.source) && !removed.has(edge.target));
  return withContainers({ ...state, blocks, edges });
}

export function connect(state: WorkflowState, connection: Connection): WorkflowState {
  if (connectionProblem(state, connection)) return state;
  const { source, target, sourceHandle } = connection;
  const edge: Edge = {
    id: newId(),
    source,
    target,
    sourceHandle: sourceHandle ?? 'source',
    targetHandle: 'target',
  };
  return { ...state, edges: [...state.edges, edge] };
}

export function removeEdges(state: WorkflowState, ids: readonly string[]): WorkflowState {
  return { ...state, edges: state.edges.filter((edge) => !ids.includes(edge.id)) };
}

export function setVariables(state: WorkflowState, variables: readonly Variable[]): WorkflowState {
  return { ...state, variables: Object.fromEntries(variables.map((variable) => [variable.id, variable])) };
}

export function hasSomethingToRun(state: WorkflowState): boolean {
  return Object.values(state.blocks).some((block) => block.type !== 'note' && !isContainer(block));
}
