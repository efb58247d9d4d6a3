import dagre from '@dagrejs/dagre';
import { branchesOf } from './branches';
import { CONTAINER_SIZE } from './edit';
import { childrenOf, isContainer, type Point, parentOf, type Size, type WorkflowState } from './state';

const GAP = { ranksep: 110, nodesep: 48 };
const INSET = { left: 130, top: 64, right: 48, bottom: 40 };

/** Arrange the blocks from left to right and fit containers around their children. */
export function autoLayout(state: WorkflowState, sizes: ReadonlyMap<string, Size>): WorkflowState {
  const blocks = { ...state.blocks };
  const fitted = new Map(sizes);
  const place = (parent: string | null): Size => {
    const ids = Object.keys(blocks).filter((id) => parentOf(state, id) === parent);
    for (const id of ids) {
      const block = blocks[id];
      if (!block || !isContainer(block)) continue;
      const size = childrenOf(state, id).length ? place(id) : CONTAINER_SIZE;
      fitted.set(id, size);
      blocks[id] = { ...block, data: { ...block.data, ...size } };
    }
    const { places, size } = level(state, ids, fitted);
    for (const [id, point] of places) {
      const block = blocks[id];
      const inset = parent ? { x: INSET.left, y: INSET.top } : { x: 0, y: 0 };
      if (block) blocks[id] = { ...block, position: { x: point.x + inset.x, y: point.y + inset.y } };
    }
    return {
      width: Math.max(CONTAINER_SIZE.width, size.width + INSET.left + INSET.right),
      height: Math.max(CONTAINER_SIZE.height, size.height + INSET.top + INSET.bottom),
    };
  };
  place(null);
  return { ...state, blocks };
}

function level(
  state: WorkflowState,
  ids: readonly string[],
  sizes: ReadonlyMap<string, Size>,
): { places: Map<string, Point>; size: Size } {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'LR', ...GAP });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of ids) graph.setNode(id, { width: 250, height: 100, ...sizes.get(id) });
  for (const { source, target } of state.edges) {
    if (ids.includes(source) && ids.includes(target)) graph.setEdge(source, target);
  }
  dagre.layout(graph, { constraints: branchOrder(state, ids) });
  const places = new Map<string, Point>();
  for (const id of ids) {
    const { x, y, width, height } = graph.node(id);
    places.set(id, { x: Math.round(x - width / 2), y: Math.round(y - height / 2) });
  }
  const { width = 0, height = 0 } = graph.graph();
  return { places, size: { width: finite(width), height: finite(height) } };
}

/**
 * Return pairs of blocks of which the first is above the second, in the order of the branches that lead to them.
 *
 * Blocks with several predecessors are left out: two conditions may want them in opposite orders.
 */
function branchOrder(state: WorkflowState, ids: readonly string[]): { left: string; right: string }[] {
  const incoming = new Map<string, number>();
  for (const { target } of state.edges) incoming.set(target, (incoming.get(target) ?? 0) + 1);
  return ids.flatMap((id) => {
    const block = state.blocks[id];
    const handles = block ? [...branchesOf(block).map(({ handle }) => handle), 'error'] : [];
    const targets = state.edges
      .filter(({ source, target }) => source === id && ids.includes(target) && incoming.get(target) === 1)
      .toSorted((a, b) => handles.indexOf(a.sourceHandle ?? '') - handles.indexOf(b.sourceHandle ?? ''))
      .map(({ target }) => target);
    return targets.slice(1).map((right, index) => ({ left: targets[index] ?? '', right }));
  });
}

function finite(number: number): number {
  return Number.isFinite(number) ? Math.round(number) : 0;
}
