import { Lexer, type Token, type TokensList } from 'marked';

/** Number of blocks at the end that later text may still change. Example: `2` after a list becomes an item with `. b`. */
const OPEN_BLOCKS = 2;
/** The open blocks are parsed again after growing by this fraction, which keeps the total work linear. */
const GROWTH = 1 / 16;

export interface Blocks {
  /** Complete blocks, each returned once. */
  settled: Token[];
  /** Blocks that may still change. The next call returns them again. */
  open: Token[];
}

/** Incremental reader of Markdown. Parses only the blocks that later text can still change. */
export class BlockReader {
  #text = '';
  #start = 0;
  #parsed = 0;
  #links: TokensList['links'] = {};

  append(part: string): void {
    this.#text += part.replaceAll('\r', '');
  }

  /** Whether there is text that `read` has not parsed. */
  get hasUnsavedChanges(): boolean {
    return this.#text.length > this.#parsed;
  }

  /** Whether enough text arrived to parse the open blocks again. */
  get isDue(): boolean {
    return this.#text.length - this.#parsed > (this.#parsed - this.#start) * GROWTH;
  }

  /** Whether the text has link definitions, which earlier blocks may refer to. */
  get hasDefinitions(): boolean {
    return Object.keys(this.#links).length > 0;
  }

  read(): Blocks {
    const tail = this.#text.slice(this.#start);
    const lexer = new Lexer();
    Object.assign(lexer.tokens.links, this.#links);
    const tokens = lexer.lex(tail);
    this.#links = tokens.links;
    this.#parsed = this.#text.length;
    const blocks = tokens.filter((token) => token.type !== 'space');
    const firstOpen = blocks[Math.max(0, blocks.length - OPEN_BLOCKS)];
    const before = tokens.slice(0, firstOpen ? tokens.indexOf(firstOpen) : 0);
    const raw = before.map((token) => token.raw).join('');
    if (!tail.startsWith(raw)) return { settled: [], open: blocks };
    this.#start += raw.length;
    return { settled: before.filter((token) => token.type !== 'space'), open: blocks.slice(-OPEN_BLOCKS) };
  }

  /** Start again from the beginning, with all link definitions known. */
  restart(): void {
    this.#start = 0;
    this.#parsed = 0;
  }
}
