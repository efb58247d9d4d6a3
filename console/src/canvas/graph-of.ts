import type { Edge as FlowEdge, Node } from '@xyflow/react';
import { type Catalog, isTrigger } from '@/workflow/catalog';
import { CONTAINER_SIZE } from '@/workflow/edit';
import { type Block, childrenOf, isContainer, parentOf, type WorkflowState } from '@/workflow/state';
import type { BlockNodeData } from './block-node';
import type { ContainerNodeData } from './container-node';
import type { Change, RunMark } from './marks';
import { summaryOf } from './summary';

export type CanvasNode = Node<BlockNodeData | ContainerNodeData>;

export interface Marks {
  runs?: ReadonlyMap<string, RunMark>;
  changes?: ReadonlyMap<string, Change>;
}

const MARGIN = 40;
const ASSUMED = { width: 250, height: 120 };

/** Return the React Flow nodes of a workflow, containers before their children. */
export function nodesOf(state: WorkflowState, catalog: Catalog, marks: Marks, readOnly: boolean): CanvasNode[] {
  const leftOnError = new Set(state.edges.filter((edge) => edge.sourceHandle === 'error').map((edge) => edge.source));
  return containersFirst(state).map((block) => {
    const parent = parentOf(state, block.id);
    const shared = {
      id: block.id,
      position: block.position,
      parentId: parent ?? undefined,
      ariaRole: 'group' as const,
      ariaLabel: `${block.name}, ${catalog.get(block.type)?.title ?? block.type}`,
    };
    const mark = { run: marks.runs?.get(block.id), change: marks.changes?.get(block.id) };
    if (isContainer(block)) {
      return { ...shared, type: 'container', ...sizeOf(state, block), zIndex: -1, data: { block, readOnly, ...mark } };
    }
    const type = catalog.get(block.type);
    const data: BlockNodeData = {
      block,
      rows: summaryOf(block, catalog),
      isTrigger: isTrigger(block, type),
      hasErrorPort: (type?.hasErrorPort ?? false) || leftOnError.has(block.id),
      known: type !== undefined || catalog.size === 0,
      ...mark,
    };
    return { ...shared, type: block.type === 'note' ? 'note' : 'block', data };
  });
}

export function edgesOf(state: WorkflowState, runs?: ReadonlyMap<string, RunMark>): FlowEdge[] {
  return state.edges
    .filter((edge) => state.blocks[edge.source] && state.blocks[edge.target])
    .map((edge) => {
      const source = state.blocks[edge.source] as Block;
      return {
        id: edge.id,
        source: edge.source,
        target: edge.target,
        sourceHandle: sourceHandleOf(source, edge.sourceHandle),
        targetHandle: 'target',
        type: 'smoothstep',
        className: edge.sourceHandle === 'error' ? 'on-error' : undefined,
        animated: runs?.get(edge.target)?.status === 'running',
        ariaLabel: `From ${source.name} to ${state.blocks[edge.target]?.name}`,
      };
    });
}

/** Return the handle that an edge starts from. Older files use other names for the main one. */
function sourceHandleOf(source: Block, handle: string | null | undefined): string {
  if (isContainer(source)) return handle?.endsWith('-start-source') ? handle : `${source.type}-end-source`;
  const own = source.type === 'condition' || source.type === 'router_v2';
  return own && handle ? handle : handle === 'error' ? 'error' : 'source';
}

function containersFirst(state: WorkflowState): Block[] {
  const depth = (id: string): number => {
    let found = 0;
    for (let at = parentOf(state, id); at && found < 12; at = parentOf(state, at)) found += 1;
    return found;
  };
  const blocks = Object.values(state.blocks);
  return blocks.sort((a, b) => depth(a.id) - depth(b.id));
}

/** Return the size of a container, at least large enough for its children. */
export function sizeOf(state: WorkflowState, block: Block): { width: number; height: number } {
  let width = block.data?.width ?? CONTAINER_SIZE.width;
  let height = block.data?.height ?? CONTAINER_SIZE.height;
  for (const id of childrenOf(state, block.id)) {
    const child = state.blocks[id] as Block;
    const size = isContainer(child) ? sizeOf(state, child) : ASSUMED;
    width = Math.max(width, child.position.x + size.width + MARGIN);
    height = Math.max(height, child.position.y + size.height + MARGIN);
  }
  return { width, height };
}
