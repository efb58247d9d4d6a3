import type { Answer } from '@/api/client';
import { type Block, type Json, listOf, type SubBlock, storedValue, type WorkflowState } from './state';

export type BlockType = Answer<'/api/block-types', 'get'>['data'][number];
export type Setting = BlockType['settings'][number];

export type Catalogue = ReadonlyMap<string, BlockType>;

const OUTDATED = new Set([
  'api_trigger',
  'input_trigger',
  'manual_trigger',
  'chat_trigger',
  'starter',
  'workflow',
  'router',
]);

/** What a workflow starts with; one such block is all it can have. */
export const STARTS: ReadonlySet<string> = new Set([
  'start_trigger',
  'api_trigger',
  'input_trigger',
  'manual_trigger',
  'chat_trigger',
  'starter',
]);

/**
 * What can be added. Shown where they are but not offered: older forms of block types, and starts that nothing here
 * calls, such as a schedule. A second start is not offered either.
 */
export function offered(catalogue: Catalogue, state: WorkflowState): BlockType[] {
  const hasStart = Object.values(state.blocks).some((block) => STARTS.has(block.type));
  const mayStart = (type: string) => STARTS.has(type) && !hasStart;
  return [...catalogue.values()].filter(
    ({ type, category }) => !OUTDATED.has(type) && (category !== 'trigger' || mayStart(type)),
  );
}

/** Whether the block starts the workflow: nothing leads to it. */
export function isTrigger(block: Block, type: BlockType | undefined): boolean {
  return type?.category === 'trigger' || block.triggerMode === true;
}

/** What a block of a type begins with. */
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

/** The settings that a block has now: those whose condition its other values meet. */
export function settingsOf(block: Block, type: BlockType | undefined): Setting[] {
  return (type?.settings ?? []).filter(({ condition, id }) => {
    if (OLD_SETTINGS.has(`${block.type}.${id}`) && storedValue(block, id) === null) return false;
    if (!condition) return true;
    const stored =
      storedValue(block, condition.field) ?? type?.settings.find((each) => each.id === condition.field)?.default;
    return condition.isIn.some((each) => each === (stored ?? null)) !== condition.negated;
  });
}

/** Whether a setting holds a secret itself, where it should name one of those that the workspace keeps. */
export function isSecret(setting: Setting | undefined, value: Json | undefined): boolean {
  return Boolean(setting?.password) && typeof value === 'string' && value !== '' && !value.startsWith('{{');
}

/** What holds where nothing is stored. */
export function usualValue({ default: usual, options }: Setting): Json {
  return (usual ?? (options[0] === NONE ? NONE : null)) as Json;
}

const NONE = 'none';

/** What a person reads for a choice. */
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

/** Whether a setting can be left out of sight: few need it, and this block does not use it. */
export function isFurther(setting: Setting, block: Block): boolean {
  const isSet = storedValue(block, setting.id) !== null && storedValue(block, setting.id) !== '';
  return (RARE.has(setting.id) || setting.mode === 'advanced') && !isSet;
}

/** Settings of earlier editors: shown only where a workflow still has them. */
const OLD_SETTINGS = new Set(['agent.systemPrompt', 'agent.userPrompt', 'agent.memories', 'starter.startWorkflow']);

interface Named {
  name?: string;
  variableName?: string;
}

/** The fields that references may ask of a block, as far as its settings tell. */
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
