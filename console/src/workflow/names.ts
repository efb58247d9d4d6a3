import type { WorkflowState } from './state';

const RESERVED = new Set(['loop', 'parallel', 'variable']);

/** Whether the engine takes `<…>` with this in it for a comparison, and not for a reference. */
export function hasOperator(text: string): boolean {
  return /[+*/=<>!]/.test(text);
}

/** A block's name as references spell it. */
export function referenceName(name: string): string {
  return name.toLowerCase().replaceAll(/[\s.\ufeff]+/g, '');
}

/** What is wrong with a name for this block, null when nothing is. */
export function nameProblem(state: WorkflowState, id: string, name: string): string | null {
  const wanted = referenceName(name);
  if (!wanted) return 'A block needs a name.';
  if (RESERVED.has(wanted)) return `“${name.trim()}” means something else inside references.`;
  if (hasOperator(name)) return 'References cannot reach a name with + * / = < > or ! in it.';
  return namesIn(state, id).has(wanted) ? 'Another block has this name.' : null;
}

/** A name that no block has: `Agent 1`, `Agent 2` and so on. */
export function freeName(state: WorkflowState, stem: string): string {
  const taken = namesIn(state);
  for (let number = 1; ; number += 1) {
    const name = `${stem} ${number}`;
    if (!taken.has(referenceName(name))) return name;
  }
}

/** The name itself where no block has it, else the next one like it. */
export function nameLike(state: WorkflowState, name: string): string {
  return namesIn(state).has(referenceName(name)) ? freeName(state, name.replace(/\s+\d+$/, '')) : name;
}

function namesIn(state: WorkflowState, except?: string): Set<string> {
  const others = Object.values(state.blocks).filter((block) => block.id !== except);
  return new Set(others.map((block) => referenceName(block.name)));
}
