import { type Catalogue, isFurther, optionTitle, settingsOf, usualValue } from '@/workflow/catalogue';
import { type Block, type Json, listOf, storedValue } from '@/workflow/state';

const ROWS = 7;
const LONG = 60;

export interface SummaryRow {
  title: string;
  value: string;
}

interface Piece {
  name?: string;
  title?: string;
  role?: string;
  content?: string;
  variableName?: string;
  cells?: Record<string, Json>;
}

/** The settings that a block shows on the canvas. */
export function summaryOf(block: Block, catalogue: Catalogue): SummaryRow[] {
  if (block.type === 'loop' || block.type === 'parallel') return [];
  const type = catalogue.get(block.type);
  const known = settingsOf(block, type).filter((setting) => !setting.password && !isFurther(setting, block));
  const rows = type
    ? known.map((setting) => ({
        title: setting.title,
        stored: storedValue(block, setting.id) ?? usualValue(setting),
      }))
    : Object.values(block.subBlocks).map(({ id, value }) => ({ title: id, stored: value }));
  const first = rows.slice(0, ROWS);
  const set = rows.slice(ROWS).filter(({ stored }) => inWords(stored) !== '-');
  return [...first, ...set].slice(0, ROWS).map(({ title, stored }) => ({ title, value: inWords(stored) }));
}

/** A value in a few words; a dash where there is none. */
export function inWords(value: Json): string {
  if (value === null || value === '' || value === undefined) return '-';
  if (typeof value === 'boolean') return value ? 'On' : 'Off';
  const list = listOf<Piece>(value);
  if (list.length) return shortened(list.map(named).filter(Boolean).join(', ')) || `${list.length} items`;
  if (Array.isArray(value)) return '-';
  if (typeof value === 'object') return shortened(JSON.stringify(value));
  return shortened(optionTitle(String(value)).trim().replaceAll(/\s+/g, ' ')) || '-';
}

function named(piece: Piece): string {
  if (typeof piece !== 'object' || piece === null) return String(piece);
  if (piece.cells) return String(piece.cells.Key ?? '');
  return piece.content ?? piece.name ?? piece.variableName ?? piece.title ?? '';
}

function shortened(text: string): string {
  return text.length > LONG ? `${text.slice(0, LONG)}…` : text;
}
