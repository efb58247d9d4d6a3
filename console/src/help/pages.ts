const ROOT = '../../../docs/';

/** Pages of the documentation for users and operators, each loaded when it is opened. */
const files = import.meta.glob<string>(['../../../docs/**/*.md', '!../../../docs/adr/**'], {
  query: '?raw',
  import: 'default',
});
const pictures = import.meta.glob<string>('../../../docs/**/*.svg', {
  query: '?url',
  import: 'default',
  eager: true,
});

/** Load the Markdown text of a page, null if it does not exist. */
export async function loadPage(name: string): Promise<string | null> {
  return (await files[`${ROOT}${name}.md`]?.()) ?? null;
}

/** Where a link in a page leads: a page of the documentation, a picture or another site. */
export type Target = { page: string; anchor?: string } | { picture: string } | { site: string };

/** Resolve a link of the page `from`. Return null for files that are not part of the console. */
export function resolveLink(href: string, from: string): Target | null {
  if (/^(https?|mailto):/.test(href)) return { site: href };
  const url = new URL(href, `file:///docs/${from}.md`);
  const path = decodeURIComponent(url.pathname).replace('/docs/', ROOT);
  const picture = pictures[path];
  if (picture) return { picture };
  if (!(path in files)) return null;
  return { page: path.slice(ROOT.length, -'.md'.length), anchor: url.hash.slice(1) || undefined };
}
