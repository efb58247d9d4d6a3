import { type Block, listOf, storedValue, type WorkflowState } from './state';

/** Branch of a block: the source handle of its edges, and its title. */
interface Branch {
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

/** Return the setting that defines the branches of a condition or router. */
export function branchSetting(block: Block): { key: string; prefix: string } | undefined {
  return SETTINGS[block.type];
}

/** Return the branches of a condition or router; other blocks have none. */
export function branchesOf(block: Block): Branch[] {
  const setting = branchSetting(block);
  if (!setting) return [];
  return listOf<Condition>(storedValue(block, setting.key)).map((entry, index) => ({
    handle: `${setting.prefix}${entry.id}`,
    title: entry.title || `Route ${index + 1}`,
    detail: entry.value ?? '',
  }));
}

/** Return the default source handle of a block. */
export function mainHandle(block: Block): string {
  if (block.type === 'loop') return 'loop-end-source';
  if (block.type === 'parallel') return 'parallel-end-source';
  return branchesOf(block)[0]?.handle ?? 'source';
}

/** Return the handle for the next connection: the first unconnected branch, or the default handle. */
export function nextHandle(state: WorkflowState, block: Block): string {
  return branchesOf(block).find(({ handle }) => isFree(state, block, handle))?.handle ?? mainHandle(block);
}

/** Return whether the handle has no connection. */
export function isFree(state: WorkflowState, block: Block, handle: string): boolean {
  return !state.edges.some((edge) => edge.source === block.id && edge.sourceHandle === handle);
}

export function startHandle(block: Block): string {
  return `${block.type}-start-source`;
}

/** Return the title of the branch that an edge starts from. */
export function handleTitle(block: Block, handle: string | null | undefined): string {
  if (handle === 'error') return 'on error';
  if (handle?.endsWith('-start-source')) return 'inside';
  return branchesOf(block).find((branch) => branch.handle === handle)?.title ?? '';
}
