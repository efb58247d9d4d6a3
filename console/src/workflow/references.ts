import { type Catalog, outputsOf } from './catalog';
import { upstream } from './graph';
import { hasOperator, referenceName } from './names';
import { isContainer, type Json, parentOf, type WorkflowState } from './state';

export interface Reference {
  /** Reference without brackets: `agent1.content`. */
  text: string;
  /** Name of the block it belongs to. */
  owner: string;
}

/** Outputs of blocks in the last run, by block id. */
export type LastOutputs = ReadonlyMap<string, Json>;

const MAX_DEPTH = 4;
const MAX_NESTED = 60;

const INSIDE = {
  loop: ['loop.index', 'loop.currentItem', 'loop.items'],
  parallel: ['parallel.index', 'parallel.currentItem', 'parallel.items'],
};

/** Return the references available to a block: containers first, then preceding blocks, then variables. */
export function referencesFor(state: WorkflowState, id: string, catalog: Catalog, outputs?: LastOutputs): Reference[] {
  const found: Reference[] = [];
  for (let parent = parentOf(state, id); parent; parent = parentOf(state, parent)) {
    const container = state.blocks[parent];
    if (container?.type !== 'loop' && container?.type !== 'parallel') break;
    found.push(...INSIDE[container.type].map((text) => ({ text, owner: container.name })));
  }
  for (const key of upstream(state, id)) {
    const block = state.blocks[key];
    if (!block || block.type === 'note' || (isContainer(block) && isAround(state, id, key))) continue;
    const root = referenceName(block.name);
    const fields = [...outputsOf(block, catalog.get(block.type)), ...nestedFields(outputs?.get(key))];
    found.push(...[...new Set(fields)].map((name) => ({ text: `${root}.${name}`, owner: block.name })));
  }
  for (const variable of Object.values(state.variables)) {
    found.push({ text: `variable.${referenceName(variable.name)}`, owner: 'Variable' });
  }
  return found.filter(({ text }) => isRead(text));
}

/** Return the paths of the fields in an output, such as `result.items[0].id`. Of a list, only the first item is read. */
function nestedFields(output: Json | undefined): string[] {
  const found: string[] = [];
  const take = (value: Json | undefined, path: string, depth: number): void => {
    if (found.length >= MAX_NESTED || depth > MAX_DEPTH) return;
    if (path) found.push(path);
    if (Array.isArray(value)) {
      if (value.length) take(value[0], `${path}[0]`, depth);
    } else if (value && typeof value === 'object') {
      for (const [key, each] of Object.entries(value)) take(each, path ? `${path}.${key}` : key, depth + 1);
    }
  };
  take(output, '', 0);
  return found;
}

/** Return whether the engine would resolve the reference. */
function isRead(text: string): boolean {
  const [, ...path] = text.split('.');
  return !hasOperator(text) && !path.some((step) => step.includes(' '));
}

function isAround(state: WorkflowState, id: string, container: string): boolean {
  for (let parent = parentOf(state, id); parent; parent = parentOf(state, parent))
    if (parent === container) return true;
  return false;
}
