/** Everything that can be done to a workflow: each takes a state and gives a new one. */
import { type NewBlock, STARTS } from './catalogue';
import { withContainers } from './containers';
import { type Connection, connectionProblem } from './graph';
import { freeName, nameLike, referenceName } from './names';
import { newId } from './new-id';
import { withReferences } from './rewriting';
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
export const ASIDE = 48;
/** Of a block that the canvas has not measured yet: the tallest, an agent. */
const ASSUMED = { width: 250, height: 260 };
export const CONTAINER_SIZE = { width: 500, height: 300 };

export function changeBlock(state: WorkflowState, id: string, change: Partial<Block>): WorkflowState {
  const block = state.blocks[id];
  return block ? { ...state, blocks: { ...state.blocks, [id]: { ...block, ...change } } } : state;
}

/** How large the blocks are on the canvas. */
type Sizes = ReadonlyMap<string, Size>;

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
    // Documents and hints write `<start.input>`: the start that everybody means carries no number.
    name: STARTS.has(made.type) ? nameLike(state, made.title) : freeName(state, made.title),
    position: freePlace(state, position, container ? CONTAINER_SIZE : ASSUMED, parent, sizes),
    subBlocks: branching(made, id),
    outputs: {},
    enabled: true,
    data,
  };
  return { state: withContainers({ ...state, blocks: { ...state.blocks, [id]: block } }), id };
}

/** The place itself, or the next one below where nothing lies. */
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

function assumedSize(block: Block): Size {
  const { width, height } = isContainer(block) ? CONTAINER_SIZE : ASSUMED;
  return { width: block.data?.width ?? width, height: block.data?.height ?? height };
}

/** A condition begins with its two ways; their ids carry the block's. */
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

/** Gives a block another name, and every reference to it too. */
export function renameBlock(state: WorkflowState, id: string, name: string): WorkflowState {
  const block = state.blocks[id];
  if (!block) return state;
  const [old, now] = [referenceName(block.name), referenceName(name)];
  const renamed = changeBlock(state, id, { name: name.trim() });
  if (old === now) return renamed;
  const names = new Map([[old, now]]);
  const blocks = Object.fromEntries(
    Object.entries(renamed.blocks).map(([key, each]) => [key, withReferences(each, names)]),
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

/** Edges that left from a branch which is gone go with it. */
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

/** Puts a block into a container, or out of all; its connections across the border go. */
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

/** Takes blocks away, with what lies in them and what leads to or from them. */
export function removeBlocks(state: WorkflowState, ids: readonly string[]): WorkflowState {
  if (!ids.length) return state;
  const gone = new Set<string>();
  const take = (id: string): void => {
    if (gone.has(id)) return;
    gone.add(id);
    for (const child of childrenOf(state, id)) take(child);
  };
  ids.forEach(take);
  const blocks = Object.fromEntries(Object.entries(state.blocks).filter(([id]) => !gone.has(id)));
  const edges = state.edges.filter((edge) => !gone.has(edge.source) && !gone.has(edge.target));
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
