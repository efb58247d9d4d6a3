import { Lexer, type Token, type TokensList } from 'marked';

/** Blocks at the end that later text may still change: `1. a`, an empty line and `2` are a list and a paragraph until `. b` follows. */
const OPEN_BLOCKS = 2;
/** The open blocks are parsed again once they grew by this part of their length, so that the total work stays linear. */
const GROWTH = 1 / 16;

export interface Blocks {
  /** Blocks that later text does not change, each returned once. */
  settled: Token[];
  /** The blocks after them, returned again by the next call. */
  open: Token[];
}

/** Reader of a Markdown text that arrives in parts. It parses only what later text can still change. */
export class BlockReader {
  #text = '';
  #start = 0;
  #parsed = 0;
  #links: TokensList['links'] = {};

  append(part: string): void {
    this.#text += part.replaceAll('\r', '');
  }

  /** Whether there is text that no call of `read` has parsed. */
  get isBehind(): boolean {
    return this.#text.length > this.#parsed;
  }

  /** Whether so much text arrived that parsing the open blocks again pays. */
  get isDue(): boolean {
    return this.#text.length - this.#parsed > (this.#parsed - this.#start) * GROWTH;
  }

  /** Whether blocks may refer to link definitions that came after them. */
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

  /** Read the text from its beginning again, with every definition known. */
  restart(): void {
    this.#start = 0;
    this.#parsed = 0;
  }
}
