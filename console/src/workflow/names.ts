import type { WorkflowState } from './state';

const RESERVED = new Set(['loop', 'parallel', 'variable']);

/** Return whether the engine would read `<text>` as a comparison instead of a reference. */
export function hasOperator(text: string): boolean {
  return /[+*/=<>!]/.test(text);
}

/** Return a block's name as used in references. */
export function referenceName(name: string): string {
  return name.toLowerCase().replaceAll(/[\s.\ufeff]+/g, '');
}

/** Return why a block cannot have this name, or null if it can. */
export function nameProblem(state: WorkflowState, id: string, name: string): string | null {
  const wanted = referenceName(name);
  if (!wanted) return 'Enter a name.';
  if (RESERVED.has(wanted)) return `“${name.trim()}” is reserved. Choose another name.`;
  if (hasOperator(name)) return 'Names cannot contain + * / = < > or !.';
  return namesIn(state, id).has(wanted) ? 'Another block already has this name.' : null;
}

/** Return the first unused name of `Agent 1`, `Agent 2` and so on. */
export function freeName(state: WorkflowState, stem: string): string {
  const taken = namesIn(state);
  for (let number = 1; ; number += 1) {
    const name = `${stem} ${number}`;
    if (!taken.has(referenceName(name))) return name;
  }
}

/** Return the name if it is unused, otherwise the next free one with a number. */
export function nameLike(state: WorkflowState, name: string): string {
  return namesIn(state).has(referenceName(name)) ? freeName(state, name.replace(/\s+\d+$/, '')) : name;
}

function namesIn(state: WorkflowState, except?: string): Set<string> {
  const others = Object.values(state.blocks).filter((block) => block.id !== except);
  return new Set(others.map((block) => referenceName(block.name)));
}
