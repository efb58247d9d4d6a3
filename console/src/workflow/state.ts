/** Workflow state as stored and exported. Unknown keys are preserved. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface SubBlock {
  id: string;
  type: string;
  value: Json;
}

export interface Point {
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export interface BlockData {
  parentId?: string;
  extent?: string;
  width?: number;
  height?: number;
  loopType?: string;
  parallelType?: string;
  count?: Json;
  collection?: Json;
  whileCondition?: string;
  doWhileCondition?: string;
  batchSize?: number;
  [key: string]: Json | undefined;
}

export interface Retry {
  enabled: boolean;
  maxTries: number;
  waitBetweenTriesMs: number;
}

export interface Block {
  id: string;
  type: string;
  name: string;
  position: Point;
  subBlocks: Record<string, SubBlock>;
  outputs?: Json;
  enabled?: boolean;
  data?: BlockData;
  retry?: Retry;
  advancedMode?: boolean;
  triggerMode?: boolean;
}

export interface Edge {
  id: string;
  source: string;
  target: string;
  sourceHandle?: string | null;
  targetHandle?: string | null;
}

export interface Variable {
  id: string;
  name: string;
  type: string;
  value: Json;
}

export interface WorkflowState {
  blocks: Record<string, Block>;
  edges: Edge[];
  loops: Record<string, Json>;
  parallels: Record<string, Json>;
  variables: Record<string, Variable>;
  [key: string]: unknown;
}

/** Complete a state from the server with the parts it may omit. */
export function readState(sent: Partial<WorkflowState>): WorkflowState {
  const { blocks = {}, edges = [], loops = {}, parallels = {}, variables = {} } = sent;
  const named = Array.isArray(variables) ? Object.fromEntries(variables.map((each) => [each.id, each])) : variables;
  return { ...sent, blocks, edges, loops, parallels, variables: named as Record<string, Variable> };
}

export function isContainer(block: Block | undefined): boolean {
  return block?.type === 'loop' || block?.type === 'parallel';
}

export function parentOf(state: WorkflowState, id: string): string | null {
  const parent = state.blocks[id]?.data?.parentId;
  return parent && isContainer(state.blocks[parent]) ? parent : null;
}

export function childrenOf(state: WorkflowState, id: string): string[] {
  return Object.keys(state.blocks).filter((key) => parentOf(state, key) === id);
}

export function storedValue(block: Block, key: string): Json {
  return block.subBlocks[key]?.value ?? null;
}

/** Return the text of a value for an input field. */
export function textOf(value: Json | undefined, indent = 0): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value, null, indent) : String(value);
}

/** Return a list that may be stored as JSON text. */
export function listOf<Item>(value: Json | undefined): Item[] {
  const parsed = typeof value === 'string' ? parse(value) : value;
  return Array.isArray(parsed) ? (parsed as Item[]) : [];
}

const LIST = /^\s*\[/;

/** Parse a JSON list. The check comes first because this runs for every text on each keystroke, and failing is slow. */
function parse(text: string): Json {
  if (!LIST.test(text)) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
