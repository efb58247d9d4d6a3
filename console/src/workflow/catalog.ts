import type { ResponseBody } from '@/api/client';
import { type Block, type Json, listOf, type SubBlock, storedValue, type WorkflowState } from './state';

export type BlockType = ResponseBody<'/api/block-types', 'get'>['data'][number];
export type Setting = BlockType['settings'][number];

export type Catalog = ReadonlyMap<string, BlockType>;

const OUTDATED = new Set([
  'api_trigger',
  'input_trigger',
  'manual_trigger',
  'chat_trigger',
  'starter',
  'workflow',
  'router',
]);

/** Types of start blocks. A workflow has at most one. */
export const START_TYPES: ReadonlySet<string> = new Set([
  'start_trigger',
  'api_trigger',
  'input_trigger',
  'manual_trigger',
  'chat_trigger',
  'starter',
]);

/**
 * Return the block types that can be added. Excluded are outdated types, triggers that Flowport never fires (such as a
 * schedule), and a second start block. Existing blocks of these types are still displayed.
 */
export function addableTypes(catalog: Catalog, state: WorkflowState): BlockType[] {
  const hasStart = Object.values(state.blocks).some((block) => START_TYPES.has(block.type));
  const mayStart = (type: string) => START_TYPES.has(type) && !hasStart;
  return [...catalog.values()].filter(
    ({ type, category }) => !OUTDATED.has(type) && (category !== 'trigger' || mayStart(type)),
  );
}

/** Return whether the block is a trigger, which has no incoming connections. */
export function isTrigger(block: Block, type: BlockType | undefined): boolean {
  return type?.category === 'trigger' || block.triggerMode === true;
}

/** Initial content of a new block. */
export interface NewBlock {
  type: string;
  title: string;
  subBlocks: Record<string, SubBlock>;
}

export function newBlock(type: BlockType): NewBlock {
  const given = type.settings.filter((setting) => setting.default !== null && setting.default !== undefined);
  const subBlocks = Object.fromEntries(
    given.map(({ id, type: control, default: value }) => [id, { id, type: control, value: value as never }]),
  );
  return { type: type.type, title: type.title, subBlocks };
}

/** Return the settings whose condition is met by the block's other values. */
export function settingsOf(block: Block, type: BlockType | undefined): Setting[] {
  return (type?.settings ?? []).filter(({ condition, id }) => {
    if (OLD_SETTINGS.has(`${block.type}.${id}`) && storedValue(block, id) === null) return false;
    if (!condition) return true;
    const stored =
      storedValue(block, condition.field) ?? type?.settings.find((each) => each.id === condition.field)?.default;
    return condition.isIn.some((each) => each === (stored ?? null)) !== condition.negated;
  });
}

/** Return whether a setting contains a secret in plain text instead of a reference to a workspace secret. */
export function isSecret(setting: Setting | undefined, value: Json | undefined): boolean {
  return Boolean(setting?.password) && typeof value === 'string' && value !== '' && !value.startsWith('{{');
}

/** Return the value that applies if none is stored. */
export function defaultValue({ default: usual, options }: Setting): Json {
  return (usual ?? (options[0] === NONE ? NONE : null)) as Json;
}

const NONE = 'none';

/** Return the label of an option. */
export function optionTitle(option: string): string {
  return option === NONE ? 'None' : option;
}

const RARE = new Set([
  'reasoningEffort',
  'verbosity',
  'thinkingLevel',
  'promptCaching',
  'attachmentFiles',
  'files',
  'previousInteractionId',
  'azureEndpoint',
  'azureApiVersion',
  'vertexProject',
  'vertexLocation',
  'vertexCredential',
  'bedrockAccessKeyId',
  'bedrockSecretKey',
  'bedrockRegion',
  'retries',
  'retryDelayMs',
  'retryMaxDelayMs',
  'retryNonIdempotent',
  'proxyUrl',
  'runMetadata',
]);

/** Return whether a setting belongs under “More settings”: it is rarely needed and not set. */
export function isAdvanced(setting: Setting, block: Block): boolean {
  const isSet = storedValue(block, setting.id) !== null && storedValue(block, setting.id) !== '';
  return (RARE.has(setting.id) || setting.mode === 'advanced') && !isSet;
}

/** Settings of older editors, shown only if the workflow has them. */
const OLD_SETTINGS = new Set(['agent.systemPrompt', 'agent.userPrompt', 'agent.memories', 'starter.startWorkflow']);

interface Named {
  name?: string;
  variableName?: string;
}

/** Return the output fields of a block that are known from its type and settings. */
export function outputsOf(block: Block, type: BlockType | undefined): string[] {
  const declared = (type?.outputs ?? []).map((output) => output.name);
  const inputs = listOf<Named>(storedValue(block, 'inputFormat')).map((field) => field.name);
  const variables = block.type === 'variables' ? listOf<Named>(storedValue(block, 'variables')) : [];
  const metrics = listOf<Named>(storedValue(block, 'metrics')).map((metric) => metric.name?.toLowerCase());
  const answers = responseFields(block);
  const names = [...(answers.length ? answers : declared), ...inputs, ...metrics];
  return [...new Set([...names, ...variables.map((each) => each.variableName)])].filter((name): name is string =>
    Boolean(name),
  );
}

function responseFields(block: Block): string[] {
  const format = storedValue(block, 'responseFormat');
  try {
    const schema = typeof format === 'string' ? JSON.parse(format) : format;
    return Object.keys(schema?.schema?.properties ?? schema?.properties ?? {});
  } catch {
    return [];
  }
}
