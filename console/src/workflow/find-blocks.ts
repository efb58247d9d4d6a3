import type { Catalog } from './catalog';
import { type Block, textOf, type WorkflowState } from './state';

interface FoundBlock {
  block: Block;
  /** Part of a setting that contains the search, unless the name or type contains it. */
  found?: string;
}

const BEFORE = 24;
const AROUND = 80;

/** Return the blocks whose name, type or settings contain a text: those found by name or type first. */
export function findBlocks(state: WorkflowState, catalog: Catalog, search: string): FoundBlock[] {
  const word = search.trim().toLowerCase();
  const named: FoundBlock[] = [];
  const containing: FoundBlock[] = [];
  for (const block of Object.values(state.blocks)) {
    if (`${block.name} ${catalog.get(block.type)?.title ?? ''} ${block.type}`.toLowerCase().includes(word)) {
      named.push({ block });
      continue;
    }
    const found = excerptOf(block, catalog, word);
    if (found) containing.push({ block, found });
  }
  return [...named, ...containing];
}

function excerptOf(block: Block, catalog: Catalog, word: string): string | undefined {
  const secret = new Set(
    catalog
      .get(block.type)
      ?.settings.filter(({ password }) => password)
      .map(({ id }) => id),
  );
  for (const { id, value } of Object.values(block.subBlocks)) {
    if (secret.has(id)) continue;
    const text = textOf(value);
    const at = text.toLowerCase().indexOf(word);
    if (at >= 0) return text.slice(Math.max(0, at - BEFORE), at + AROUND).replaceAll(/\s+/g, ' ');
  }
  return undefined;
}
