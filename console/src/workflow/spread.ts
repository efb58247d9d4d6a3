import { sizeOf } from '@/canvas/graph-of';
import { CONTAINER_SIZE } from './edit';
import { type Block, isContainer, type Point, parentOf, type Size, type WorkflowState } from './state';

const GAP = 48;
const BLOCK_SIZE: Size = { width: 250, height: 120 };

/**
 * Move blocks apart that a container covers. A file may store blocks over a container, or a container smaller than its
 * blocks need, which the canvas shows large enough for them.
 */
export function spread(state: WorkflowState): WorkflowState {
  const containers = Object.values(state.blocks).filter(isContainer);
  const innermostFirst = containers.sort((one, other) => depthOf(state, other.id) - depthOf(state, one.id));
  return innermostFirst.reduce((spreading, { id }) => spreadAround(spreading, id), state);
}

function spreadAround(state: WorkflowState, id: string): WorkflowState {
  const container = state.blocks[id] as Block;
  const shown = sizeOf(state, container);
  const stored = { ...CONTAINER_SIZE, ...definedSize(container) };
  const siblings = Object.values(state.blocks).filter(
    (block) => block.id !== id && parentOf(state, block.id) === parentOf(state, id),
  );
  const { x, y } = container.position;
  const covered = siblings.filter((block) => isOverlapping(container.position, shown, block.position, BLOCK_SIZE));
  const below = covered.filter(({ position }) => position.y >= y + stored.height && position.x < x + stored.width);
  const right = covered.filter((block) => !below.includes(block) && block.position.x > x);
  const byX = shift(right, 'x', x + shown.width);
  const byY = shift(below, 'y', y + shown.height);
  const blocks = { ...state.blocks };
  for (const block of siblings) {
    const { position } = block;
    const moved = {
      x: position.x + (byX && position.x >= byX.from ? byX.distance : 0),
      y: position.y + (byY && position.y >= byY.from ? byY.distance : 0),
    };
    if (moved.x !== position.x || moved.y !== position.y) blocks[block.id] = { ...block, position: moved };
  }
  return byX || byY ? { ...state, blocks } : state;
}

/** Return how far to move all blocks that start at `from` or later, so that none of the covered ones is covered. */
function shift(covered: readonly Block[], axis: 'x' | 'y', edge: number): { from: number; distance: number } | null {
  if (!covered.length) return null;
  const from = Math.min(...covered.map(({ position }) => position[axis]));
  return { from, distance: Math.round(edge + GAP - from) };
}

function isOverlapping(one: Point, size: Size, other: Point, otherSize: Size): boolean {
  const isAcross = one.x < other.x + otherSize.width && other.x < one.x + size.width;
  return isAcross && one.y < other.y + otherSize.height && other.y < one.y + size.height;
}

function definedSize({ data }: Block): Partial<Size> {
  return { ...(data?.width && { width: data.width }), ...(data?.height && { height: data.height }) };
}

function depthOf(state: WorkflowState, id: string): number {
  let depth = 0;
  for (let at = parentOf(state, id); at && depth < 12; at = parentOf(state, at)) depth += 1;
  return depth;
}
