/** References as they stand in the texts of blocks, when what they name is called otherwise. */
import type { Block, BlockData, Json, SubBlock } from './state';

/** The block with its references to the old names made to the new ones; names are spelled as references spell them. */
export function withReferences(block: Block, names: ReadonlyMap<string, string>): Block {
  if (!names.size) return block;
  const old = [...names.keys()].map(escaped).join('|');
  const pattern = new RegExp(`<\\s*(${old})(?=[.>\\[\\s])`, 'gi');
  const now = (text: string) => text.replace(pattern, (_, name: string) => `<${names.get(name.toLowerCase())}`);
  const subBlocks = rewritten(block.subBlocks as unknown as Json, now) as unknown as Record<string, SubBlock>;
  const data = rewritten((block.data ?? null) as Json, now) as BlockData | null;
  const same = subBlocks === (block.subBlocks as unknown) && data === (block.data ?? null);
  return same ? block : { ...block, subBlocks, ...(data ? { data } : {}) };
}

/** The value with every text in it rewritten; the very same value where nothing was. */
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
