import { withContainers } from './containers';
import type { Block, Edge, Json, Variable, WorkflowState } from './state';

export type Side = 'mine' | 'theirs';

/** Block or variable that both authors changed differently. */
export interface Conflict {
  /** Key of the choice. */
  key: string;
  name: string;
  /** Missing if that author deleted it. */
  mine: Block | Variable | undefined;
  theirs: Block | Variable | undefined;
}

/** Return the blocks and variables that both authors changed differently since `base`. Positions do not conflict. */
export function conflictsOf(base: WorkflowState, mine: WorkflowState, theirs: WorkflowState): Conflict[] {
  return [
    ...conflictsIn('block', base.blocks, mine.blocks, theirs.blocks),
    ...conflictsIn('variable', base.variables, mine.variables, theirs.variables),
  ];
}

function conflictsIn<Item extends Block | Variable>(
  kind: string,
  base: Record<string, Item>,
  mine: Record<string, Item>,
  theirs: Record<string, Item>,
): Conflict[] {
  return keysOf(base, mine, theirs)
    .filter((id) => isConflict(base[id], mine[id], theirs[id]))
    .map((id) => ({
      key: `${kind} ${id}`,
      name: (mine[id] ?? theirs[id])?.name ?? id,
      mine: mine[id],
      theirs: theirs[id],
    }));
}

/** Combine the changes of two authors since `base`. Conflicts without a choice keep `mine`. */
export function merge(
  base: WorkflowState,
  mine: WorkflowState,
  theirs: WorkflowState,
  choices: ReadonlyMap<string, Side>,
): WorkflowState {
  const blocks = mergeItems('block', base.blocks, mine.blocks, theirs.blocks, choices);
  for (const [id, block] of Object.entries(blocks)) {
    const [before, own, other] = [base.blocks[id], mine.blocks[id], theirs.blocks[id]];
    if (!own || !other) continue;
    const isMoved = !before || !isEqual(before.position, own.position);
    blocks[id] = { ...block, position: (isMoved ? own : other).position };
  }
  const variables = mergeItems('variable', base.variables, mine.variables, theirs.variables, choices);
  const changed = Object.fromEntries(Object.entries(mine).filter(([key, value]) => !isEqual(base[key], value)));
  const edges = mergeEdges(base, mine, theirs).filter(({ source, target }) => blocks[source] && blocks[target]);
  return withContainers({ ...theirs, ...changed, blocks, variables, edges });
}

function mergeItems<Item extends Block | Variable>(
  kind: string,
  base: Record<string, Item>,
  mine: Record<string, Item>,
  theirs: Record<string, Item>,
  choices: ReadonlyMap<string, Side>,
): Record<string, Item> {
  const found: Record<string, Item> = {};
  for (const id of keysOf(theirs, mine)) {
    const item = isConflict(base[id], mine[id], theirs[id])
      ? (choices.get(`${kind} ${id}`) === 'theirs' ? theirs : mine)[id]
      : (isSame(base[id], mine[id]) ? theirs : mine)[id];
    if (item) found[id] = item;
  }
  return found;
}

function mergeEdges(base: WorkflowState, mine: WorkflowState, theirs: WorkflowState): Edge[] {
  const [before, own, other] = [base, mine, theirs].map(({ edges }) => new Set(edges.map(edgeKey))) as [
    Set<string>,
    Set<string>,
    Set<string>,
  ];
  const kept = theirs.edges.filter((edge) => own.has(edgeKey(edge)) || !before.has(edgeKey(edge)));
  const added = mine.edges.filter((edge) => !before.has(edgeKey(edge)) && !other.has(edgeKey(edge)));
  return [...kept, ...added];
}

function edgeKey({ source, target, sourceHandle, targetHandle }: Edge): string {
  return JSON.stringify([source, target, sourceHandle ?? null, targetHandle ?? null]);
}

function keysOf(...records: Record<string, unknown>[]): string[] {
  return [...new Set(records.flatMap(Object.keys))];
}

function isConflict<Item extends Block | Variable>(
  base: Item | undefined,
  mine: Item | undefined,
  theirs: Item | undefined,
): boolean {
  return !isSame(base, mine) && !isSame(base, theirs) && !isSame(mine, theirs);
}

/** Return whether two blocks or variables are equal, apart from their position. */
function isSame(one: Block | Variable | undefined, other: Block | Variable | undefined): boolean {
  return isEqual(one && { ...one, position: null }, other && { ...other, position: null });
}

/** Return whether two JSON values are equal, whatever the order of their keys. */
export function isEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (!isObject(one) || !isObject(other) || Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = keysOf(one, other);
  return keys.every((key) => isEqual(one[key], other[key]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Difference of a setting between two forms of a block or variable. */
interface SettingChange {
  field: string;
  theirs: Json;
  mine: Json;
}

/** Return the settings and other properties in which two forms of a block or variable differ. */
export function settingChanges({ mine, theirs }: Conflict): SettingChange[] {
  if (!mine || !theirs) return [];
  const [own, other] = [fieldsOf(mine), fieldsOf(theirs)];
  return keysOf(other, own)
    .filter((field) => !isEqual(own[field], other[field]))
    .map((field) => ({ field, mine: own[field] ?? null, theirs: other[field] ?? null }));
}

function fieldsOf(item: Block | Variable): Record<string, Json> {
  const { subBlocks = {}, position: _position, ...rest } = item as Block & Variable;
  const settings = Object.entries(subBlocks).map(([id, { value }]) => [id, value] as const);
  return { ...(rest as unknown as Record<string, Json>), ...Object.fromEntries(settings) };
}
