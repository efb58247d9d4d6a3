import { type Block, listOf, storedValue, type WorkflowState } from './state';

/** A way out of a block: the handle that its edges leave from, and what it is called. */
export interface Branch {
  handle: string;
  title: string;
  detail: string;
}

export interface Condition {
  id: string;
  title: string;
  value: string;
}

const SETTINGS: Record<string, { key: string; prefix: string }> = {
  condition: { key: 'conditions', prefix: 'condition-' },
  router_v2: { key: 'routes', prefix: 'router-' },
};

/** Which setting names the ways out of a block that chooses one. */
export function branchSetting(block: Block): { key: string; prefix: string } | undefined {
  return SETTINGS[block.type];
}

/** The ways out of a block that chooses one; none for ordinary blocks. */
export function branchesOf(block: Block): Branch[] {
  const setting = branchSetting(block);
  if (!setting) return [];
  return listOf<Condition>(storedValue(block, setting.key)).map((entry, index) => ({
    handle: `${setting.prefix}${entry.id}`,
    title: entry.title || `Route ${index + 1}`,
    detail: entry.value ?? '',
  }));
}

/** The handle that leads on from a block when nothing else is said. */
export function mainHandle(block: Block): string {
  if (block.type === 'loop') return 'loop-end-source';
  if (block.type === 'parallel') return 'parallel-end-source';
  return branchesOf(block)[0]?.handle ?? 'source';
}

/** The handle that one more block is led to from: of several ways, the first that leads nowhere yet. */
export function freeHandle(state: WorkflowState, block: Block): string {
  return branchesOf(block).find(({ handle }) => isFree(state, block, handle))?.handle ?? mainHandle(block);
}

/** Whether nothing is led to from this handle yet. */
export function isFree(state: WorkflowState, block: Block, handle: string): boolean {
  return !state.edges.some((edge) => edge.source === block.id && edge.sourceHandle === handle);
}

export function startHandle(block: Block): string {
  return `${block.type}-start-source`;
}

/** What a person calls the way that an edge takes. */
export function handleTitle(block: Block, handle: string | null | undefined): string {
  if (handle === 'error') return 'on error';
  if (handle?.endsWith('-start-source')) return 'inside';
  return branchesOf(block).find((branch) => branch.handle === handle)?.title ?? '';
}
