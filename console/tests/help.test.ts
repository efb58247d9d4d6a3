import { expect, test } from 'vitest';
import { anchorOf, siteAnchorOf } from '@/help/headings';
import { parse, plainText } from '@/help/markdown';
import { loadPage, resolveLink } from '@/help/pages';
import { blockTopic, helpHref, TOPICS } from '@/help/topics';
import { SETTINGS_SECTIONS } from '@/settings/sections';

async function anchors(page: string): Promise<string[]> {
  const headings = parse((await loadPage(page)) ?? '').filter((token) => token.type === 'heading');
  return headings.map((token) => siteAnchorOf(plainText('tokens' in token ? (token.tokens ?? []) : [])));
}

test.each(Object.entries(TOPICS))('the topic %s is a page of the documentation', async (_, { page, anchor }) => {
  expect(await loadPage(page)).not.toBeNull();
  if (anchor) expect(await anchors(page)).toContain(anchor);
});

test('every section of the settings has its own topic', () => {
  expect(new Set(SETTINGS_SECTIONS.map((section) => section.help)).size).toBe(SETTINGS_SECTIONS.length);
});

test('a block type leads to its section', async () => {
  const topic = blockTopic({ type: 'human_in_the_loop', title: 'Human in the Loop' });
  expect(helpHref(topic)).toBe('/help/workflow-files#human-in-the-loop-block');
  expect(await anchors('workflow-files')).toContain(topic.anchor);
});

test('headings have the anchors of code hosts and of the documentation site', () => {
  expect(anchorOf('`GET /api/workflows/{id}/samples`')).toBe('get-apiworkflowsidsamples');
  expect(siteAnchorOf('GET /api/workflows/{id}/samples')).toBe('get-api-workflows-id-samples');
  expect(anchorOf('start_trigger block')).toBe('start_trigger-block');
});

test('links lead to pages, pictures and other sites, and source code is not linked', () => {
  expect(resolveLink('../recordings.md#replay', 'api/runs')).toEqual({ page: 'recordings', anchor: 'replay' });
  expect(resolveLink('https://example.com', 'blocks')).toEqual({ site: 'https://example.com' });
  expect(resolveLink('../../examples/README.md', 'start/quickstart')).toBeNull();
  expect(resolveLink('concepts.svg', 'start/concepts')).toHaveProperty('picture');
});
