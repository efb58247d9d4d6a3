import list from './topics.json';

/** Page of the documentation, or a section of one. */
export interface Topic {
  title: string;
  /** Path below `docs`, without its suffix. */
  page: string;
  anchor?: string;
}

export type TopicName = keyof typeof list;

export const TOPICS: Readonly<Record<TopicName, Topic>> = list;

/** Return the topic of a block type: its section of the workflow file reference. */
export function blockTopic({ type, title }: { type: string; title: string }): Topic {
  return { title: `${title} block`, page: 'workflow-files', anchor: `${type.replaceAll('_', '-')}-block` };
}

/** First page of the documentation. */
const INDEX_PAGE = 'README';

/** Return the address of a topic. The gateway serves the page, or redirects to the documentation site of its settings. */
export function helpHref({ page, anchor }: Omit<Topic, 'title'>): string {
  const path = page === INDEX_PAGE ? '/help' : `/help/${page}`;
  return anchor ? `${path}#${anchor}` : path;
}

/** Open a topic in a new tab. */
export function openHelp(topic: Topic): void {
  window.open(helpHref(topic), '_blank', 'noopener');
}
