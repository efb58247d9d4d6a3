import { type Catalog, defaultValue, isAdvanced, optionTitle, settingsOf } from '@/workflow/catalog';
import { type Block, type Json, listOf, storedValue } from '@/workflow/state';

const ROWS = 7;
const LONG = 60;

export interface SummaryRow {
  title: string;
  value: string;
}

interface CopiedBlocks {
  name?: string;
  title?: string;
  role?: string;
  content?: string;
  variableName?: string;
  cells?: Record<string, Json>;
}

/** Return the settings that a block shows on the canvas. */
export function summaryOf(block: Block, catalog: Catalog): SummaryRow[] {
  if (block.type === 'loop' || block.type === 'parallel') return [];
  const type = catalog.get(block.type);
  const known = settingsOf(block, type).filter((setting) => !setting.password && !isAdvanced(setting, block));
  const rows = type
    ? known.map((setting) => ({
        title: setting.title,
        stored: storedValue(block, setting.id) ?? defaultValue(setting),
      }))
    : Object.values(block.subBlocks).map(({ id, value }) => ({ title: id, stored: value }));
  const first = rows.slice(0, ROWS);
  const set = rows.slice(ROWS).filter(({ stored }) => valueSummary(stored) !== '-');
  return [...first, ...set].slice(0, ROWS).map(({ title, stored }) => ({ title, value: valueSummary(stored) }));
}

/** Return a short text for a value, a dash for none. */
function valueSummary(value: Json): string {
  if (value === null || value === '' || value === undefined) return '-';
  if (typeof value === 'boolean') return value ? 'On' : 'Off';
  const list = listOf<CopiedBlocks>(value);
  if (list.length) return shortened(list.map(named).filter(Boolean).join(', ')) || `${list.length} items`;
  if (Array.isArray(value)) return '-';
  if (typeof value === 'object') return shortened(JSON.stringify(value));
  return shortened(optionTitle(String(value)).trim().replaceAll(/\s+/g, ' ')) || '-';
}

function named(piece: CopiedBlocks): string {
  if (typeof piece !== 'object' || piece === null) return String(piece);
  if (piece.cells) return String(piece.cells.Key ?? '');
  return piece.content ?? piece.name ?? piece.variableName ?? piece.title ?? '';
}

function shortened(text: string): string {
  return text.length > LONG ? `${text.slice(0, LONG)}…` : text;
}
