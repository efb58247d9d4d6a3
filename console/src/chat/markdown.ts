import DOMPurify from 'dompurify';
import { Marked, type Token } from 'marked';
import { BlockReader } from './blocks';

const RASTER_IMAGE = /^data:image\/(?:png|jpeg|gif|webp);base64,[a-z0-9+/=]+$/i;
const LINE_BREAK = /^<br\s*\/?>$/i;
/** Pending text is drawn after this pause. */
const PAUSE_MS = 250;

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text: string) => text.replace(/[&<>"']/g, (found) => escapes[found] ?? '');

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    // Show HTML as text, except <br>, which models use for line breaks in table cells.
    html: ({ text, block }) => {
      if (LINE_BREAK.test(text.trim())) return '<br>';
      return block ? `<p>${escaped(text.trim())}</p>` : escaped(text);
    },
    // The page title is the only h1.
    heading({ tokens, depth }) {
      const level = Math.min(6, depth + 1);
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>`;
    },
    // Show external images as links: loading one would send data that an injected prompt put into its URL.
    image: ({ href, text }) =>
      RASTER_IMAGE.test(href)
        ? `<img src="${href}" alt="${escaped(text)}">`
        : `<a href="${escaped(href)}">${escaped(text || href)}</a>`,
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
  },
});

const purifier = DOMPurify(window);
purifier.addHook('afterSanitizeAttributes', (node) => {
  if (node.nodeName === 'A' && node.hasAttribute('href')) {
    node.setAttribute('target', '_blank');
    node.setAttribute('rel', 'noopener noreferrer nofollow');
  }
  if (node.nodeName === 'PRE' || node.nodeName === 'TABLE') node.setAttribute('tabindex', '0');
});

const ALLOWED = {
  ALLOWED_TAGS: [
    ...[
      'a',
      'blockquote',
      'br',
      'code',
      'del',
      'em',
      'h2',
      'h3',
      'h4',
      'h5',
      'h6',
      'hr',
      'img',
      'li',
      'ol',
      'p',
      'pre',
    ],
    ...['strong', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul'],
  ],
  ALLOWED_ATTR: ['align', 'alt', 'href', 'src', 'start', 'title'],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
};

/** Return the unsanitized HTML of one block. */
function htmlOf(token: Token): string {
  return marked.parser([token]);
}

/** Return the sanitized DOM nodes of some HTML. Nodes instead of text, so that nothing parses them again. */
export function nodesOf(html: string): ChildNode[] {
  return [...purifier.sanitize(html, { ...ALLOWED, RETURN_DOM_FRAGMENT: true }).childNodes];
}

interface Shown {
  html: string;
  nodes: ChildNode[];
}

/** Renders Markdown that arrives in parts into `target`. `around` wraps page changes made outside of `draw`. */
export class Markdown {
  readonly #target: HTMLElement;
  readonly #around: (change: () => void) => void;
  #reader = new BlockReader();
  #open: Shown[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(target: HTMLElement, around: (change: () => void) => void = (change) => change()) {
    this.#target = target;
    this.#around = around;
  }

  append(part: string): void {
    this.#reader.append(part);
  }

  /** Remove the displayed text. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#reader = new BlockReader();
    this.#open = [];
    this.#target.replaceChildren();
  }

  /** Show the text that arrived. Long open blocks are redrawn only after enough new text or a pause. */
  draw(): void {
    if (!this.#reader.hasUnsavedChanges) return;
    if (this.#reader.isDue) this.#show();
    else this.#timer ??= setTimeout(() => this.#around(() => this.#show()), PAUSE_MS);
  }

  /** Show the remaining text. Call this after the last part. */
  finish(): void {
    if (this.#reader.hasDefinitions) {
      this.#reader.restart();
      this.#open = [];
      this.#target.replaceChildren();
    }
    if (this.#reader.hasUnsavedChanges) this.#show();
    clearTimeout(this.#timer);
  }

  #show(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { settled, open } = this.#reader.read();
    const wanted = [...settled, ...open].map(htmlOf);
    let same = 0;
    while (same < this.#open.length && this.#open[same]?.html === wanted[same]) same += 1;
    for (const { nodes } of this.#open.splice(same)) for (const node of nodes) node.remove();
    for (const html of wanted.slice(same)) {
      const nodes = nodesOf(html);
      this.#target.append(...nodes);
      this.#open.push({ html, nodes });
    }
    this.#open = this.#open.slice(settled.length);
  }
}
