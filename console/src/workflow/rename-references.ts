/** Updates of references after blocks are renamed. */
import type { Block, BlockData, Json, SubBlock } from './state';

/** Return the block with references renamed. `names` maps old to new names, as used in references. */
export function renameReferences(block: Block, names: ReadonlyMap<string, string>): Block {
  if (!names.size) return block;
  const old = [...names.keys()].map(escaped).join('|');
  const pattern = new RegExp(`<\\s*(${old})(?=[.>\\[\\s])`, 'gi');
  const now = (text: string) => text.replace(pattern, (_, name: string) => `<${names.get(name.toLowerCase())}`);
  const subBlocks = rewritten(block.subBlocks as unknown as Json, now) as unknown as Record<string, SubBlock>;
  const data = rewritten((block.data ?? null) as Json, now) as BlockData | null;
  const same = subBlocks === (block.subBlocks as unknown) && data === (block.data ?? null);
  return same ? block : { ...block, subBlocks, ...(data ? { data } : {}) };
}

/** Return the value with every string changed, or the same object if nothing changed. */
function rewritten(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, each]) => [key, rewritten(each, change)] as const);
  if (entries.every(([key, each]) => each === (value as Record<string, Json>)[key])) return value;
  return Array.isArray(value) ? entries.map(([, each]) => each) : Object.fromEntries(entries);
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
