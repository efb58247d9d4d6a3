import type { ResponseBody } from '@/api/client';
import type { SearchGroup, SearchOption } from '@/ui/search-list';
import { matches } from '@/ui/search-list';
import type { Setting } from './catalog';
import { type Block, storedValue } from './state';

export type ModelProvider = ResponseBody<'/api/models', 'get'>['data'][number];
export type Model = ModelProvider['models'][number];

/** Settings that only some models take. */
const MODEL_SETTINGS: ReadonlySet<string> = new Set([
  'temperature',
  'maxTokens',
  'reasoningEffort',
  'verbosity',
  'thinkingLevel',
  'azureEndpoint',
  'azureApiVersion',
  'vertexProject',
  'vertexLocation',
  'vertexCredential',
  'bedrockAccessKeyId',
  'bedrockSecretKey',
  'bedrockRegion',
]);

export interface KnownModel {
  provider: ModelProvider;
  /** Missing if the provider is known by the prefix of the name. */
  model?: Model;
}

/** Return the provider of a model name; undefined if the name is neither listed nor has a known prefix. */
export function knownModel(providers: readonly ModelProvider[], name: string): KnownModel | undefined {
  const wanted = name.trim().toLowerCase();
  for (const provider of providers) {
    const model = provider.models.find(({ id }) => id.toLowerCase() === wanted);
    if (model) return { provider, model };
  }
  const provider = providers.find(({ prefix }) => prefix && wanted.startsWith(prefix));
  return provider && { provider };
}

/** Return the settings that the model takes, and others in use: those with a value, or that had one until just now. */
export function settingsOfModel(
  settings: readonly Setting[],
  known: KnownModel | undefined,
  inUse: ReadonlySet<string>,
): Setting[] {
  if (!known) return [...settings];
  const taken = new Set(known.model?.settings ?? known.provider.settings);
  return settings.filter(({ id }) => !MODEL_SETTINGS.has(id) || taken.has(id) || inUse.has(id));
}

/** Return whether a block works without its own API key and has none. */
export function isKeyOptional(block: Block, { provider }: KnownModel): boolean {
  return (provider.isConfigured || !provider.needsKey) && !hasValue(block, 'apiKey');
}

/** Return whether a setting of a block has a value. */
export function hasValue(block: Block, id: string): boolean {
  const value = storedValue(block, id);
  return value !== null && value !== '';
}

/** Describe the context window and the prices of a model. */
export function describeModel({ contextWindow, pricing }: Model): string {
  const parts = [contextWindow && `${TOKENS.format(contextWindow)} context`, describePricing(pricing)];
  return parts.filter(Boolean).join(' · ');
}

function describePricing({ input, output }: Model['pricing']): string {
  return input || output ? `${DOLLARS.format(input)} in, ${DOLLARS.format(output)} out` : 'free';
}

const DOLLARS = new Intl.NumberFormat('en-US', {
  style: 'currency',
  currency: 'USD',
  maximumFractionDigits: 3,
  trailingZeroDisplay: 'stripIfInteger',
});

const TOKENS = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

interface ModelOption extends SearchOption {
  /** Name of the model; undefined for an option that only starts a search. */
  model?: string;
  /** New search text. */
  search?: string;
}

const SHOWN_PER_PROVIDER = 12;

/** Return the models that match a search, configured providers first, and the search itself as a name. */
export function modelOptions(providers: readonly ModelProvider[], search: string): SearchGroup<ModelOption>[] {
  const order = [...providers].sort((one, other) => Number(other.isConfigured) - Number(one.isConfigured));
  return [
    ...order.map((provider) => groupOf(provider, search)),
    { title: 'By name', options: byName(providers, search) },
  ];
}

function groupOf(provider: ModelProvider, search: string): SearchGroup<ModelOption> {
  const found = provider.models.filter(({ id, label }) => matches(`${provider.label} ${label} ${id}`, search));
  const options = found.slice(0, SHOWN_PER_PROVIDER).map((model) => ({
    id: model.id,
    title: model.label,
    about: `${describeModel(model)} · ${model.id}`,
    model: model.id,
  }));
  const shown = options.length < found.length ? ` · ${options.length} of ${found.length}, search for more` : '';
  const missing = provider.isConfigured ? '' : ` · ${provider.variables.join(' and ')} not set`;
  return { title: `${provider.label}${missing}${shown}`, options };
}

function byName(providers: readonly ModelProvider[], search: string): ModelOption[] {
  const name = search.trim();
  const isListed = knownModel(providers, name)?.model;
  const named: ModelOption[] =
    name && !isListed ? [{ id: 'name', title: 'Use this name', about: name, model: name }] : [];
  const prefixes = providers.filter(
    ({ models, prefix, label }) =>
      !models.length && !name.toLowerCase().startsWith(prefix) && matches(`${label} ${prefix}`, search),
  );
  return [
    ...named,
    ...prefixes.map(({ id, label, prefix }) => ({
      id: `${id}/`,
      title: label,
      about: `Enter ${prefix} and a model's name`,
      search: prefix,
    })),
  ];
}
