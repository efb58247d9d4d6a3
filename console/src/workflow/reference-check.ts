import { upstream } from './graph';
import { referenceName } from './names';
import type { Reference } from './references';
import { parentOf, type WorkflowState } from './state';

/** Function that returns why a reference such as `agent1.content` cannot be resolved, or null if it can. */
export type ReferenceCheck = (reference: string) => string | null;

/** References with a path, and secrets. Tags such as `<div>` and comparisons have no path. */
const REFERENCE = /<([\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+|\[\d+\])+)>|\{\{[\w.-]+\}\}/gu;

interface FoundReference {
  from: number;
  to: number;
  /** Reference without brackets, undefined for a secret. */
  path?: string;
}

/** Return the references and secrets in a text. */
export function referencesIn(text: string): FoundReference[] {
  return [...text.matchAll(REFERENCE)].map(({ 0: whole, 1: path, index }) => ({
    from: index,
    to: index + whole.length,
    path,
  }));
}

/** Return the check for the settings of a block. It verifies blocks, variables and containers, but no field names. */
export function referenceCheck(state: WorkflowState, id: string, references: readonly Reference[]): ReferenceCheck {
  const workflow = lazy(() => ({
    before: upstream(state, id),
    names: new Map(Object.values(state.blocks).map((block) => [referenceName(block.name), block])),
  }));
  return (reference) => {
    const [first = '', field = ''] = reference.split(/[.[]/);
    const root = first.toLowerCase();
    if (root === 'variable') {
      const variable = `variable.${referenceName(field)}`;
      return references.some(({ text }) => text === variable) ? null : `No variable is named “${field}”.`;
    }
    if (root === 'loop' || root === 'parallel') {
      return isInside(state, id, root) ? null : `<${reference}> is available only inside a ${root}.`;
    }
    const { before, names } = workflow();
    const block = names.get(root);
    if (!block) return `No block is named “${first}”.`;
    return before.has(block.id) ? null : `${block.name} does not run before this block.`;
  };
}

/** Return a function that computes a value on its first call: most checks of a field with every keystroke need none. */
function lazy<Value>(compute: () => Value): () => Value {
  let found: { value: Value } | null = null;
  return () => {
    found ??= { value: compute() };
    return found.value;
  };
}

function isInside(state: WorkflowState, id: string, type: string): boolean {
  const parent = parentOf(state, id);
  return parent !== null && (state.blocks[parent]?.type === type || isInside(state, parent, type));
}

/** Return the text with references replaced by values of the same length, so that a parser accepts it. */
export function maskReferences(text: string, isJson: boolean): string {
  let masked = text;
  for (const { from, to } of referencesIn(text)) {
    const length = to - from;
    const filler = isJson ? '0'.padEnd(length) : '_'.repeat(length);
    masked = masked.slice(0, from) + filler + masked.slice(to);
  }
  return masked;
}
