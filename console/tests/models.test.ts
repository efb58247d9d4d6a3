import { expect, test } from 'vitest';
import { describeModel, knownModel, type ModelProvider, modelOptions, settingsOfModel } from '@/workflow/models';

function provider(id: string, more: Partial<ModelProvider> = {}): ModelProvider {
  const variables = [`${id.toUpperCase()}_API_KEY`];
  const common = { id, label: id, prefix: '', needsKey: true, isConfigured: false, variables };
  return { ...common, settings: ['temperature'], models: [], ...more };
}

function model(id: string, settings = ['temperature']) {
  return { id, label: id.toUpperCase(), contextWindow: 400_000, pricing: { input: 0.25, output: 2 }, settings };
}

const OPENAI = provider('openai', { models: [model('gpt-5', ['reasoningEffort']), model('gpt-4.1')] });
const GROQ = provider('groq', { prefix: 'groq/', isConfigured: true, models: [model('groq/qwen')] });
const VLLM = provider('vllm', { prefix: 'vllm/', needsKey: false });
const ALL = [OPENAI, GROQ, VLLM];

function shown(search: string): Record<string, string[]> {
  const groups = modelOptions(ALL, search).filter(({ options }) => options.length);
  return Object.fromEntries(groups.map(({ title, options }) => [title, options.map(({ id }) => id)]));
}

test('a model is known by its name, or its provider by the prefix', () => {
  expect(knownModel(ALL, 'GPT-5')?.model?.id).toBe('gpt-5');
  expect(knownModel(ALL, 'groq/new')).toEqual({ provider: GROQ });
  expect(knownModel(ALL, 'my-model')).toBeUndefined();
  expect(knownModel(ALL, '')).toBeUndefined();
});

test('only settings that the model takes are shown, and those in use', () => {
  const setting = (id: string) => ({ id }) as never;
  const settings = [setting('model'), setting('temperature'), setting('reasoningEffort')];
  const ids = (name: string, ...inUse: string[]) =>
    settingsOfModel(settings, knownModel(ALL, name), new Set(inUse)).map(({ id }) => id);
  expect(ids('gpt-5')).toEqual(['model', 'reasoningEffort']);
  expect(ids('gpt-4.1')).toEqual(['model', 'temperature']);
  expect(ids('gpt-5', 'temperature')).toEqual(['model', 'temperature', 'reasoningEffort']);
  expect(ids('my-model')).toEqual(['model', 'temperature', 'reasoningEffort']);
});

test('configured providers come first, and others name the variable to set', () => {
  expect(Object.keys(shown(''))).toEqual(['groq', 'openai · OPENAI_API_KEY not set', 'By name']);
});

test('a search finds names and providers, and offers itself as a name', () => {
  expect(shown('openai 5')).toEqual({ 'openai · OPENAI_API_KEY not set': ['gpt-5'], 'By name': ['name'] });
  expect(shown('vllm')).toEqual({ 'By name': ['name', 'vllm/'] });
  expect(shown('gpt-5')).toEqual({ 'openai · OPENAI_API_KEY not set': ['gpt-5'] });
});

test('long lists are cut', () => {
  const many = provider('many', { models: Array.from({ length: 30 }, (_, at) => model(`m${at}`)), isConfigured: true });
  const [group] = modelOptions([many], '');
  expect([group?.title, group?.options.length]).toEqual(['many · 12 of 30, search for more', 12]);
});

test('a model is described by its context window and prices', () => {
  expect(describeModel(model('gpt-5'))).toBe('400K context · $0.25 in, $2 out');
  expect(describeModel({ ...model('echo'), contextWindow: null, pricing: { input: 0, output: 0 } })).toBe('free');
});
