import { describe, expect, test } from 'vitest';
import { BlockReader } from '@/chat/blocks';

const ANSWER = `# Tea

Some *completions* with a
line break.

1. Water

2. Leaves
   - green
   - black

| Tea | Minutes |
| --- | ---: |
| green | 2 |
| black | 4 |

\`\`\`js
const minutes = 4;

// a blank line above
\`\`\`

> A quote
> of two lines

Setext
------

Last completions, [linked](https://example.org).
`;

/** Return the raw text of each block when the text arrives in parts of `size`. */
function blocksOf(text: string, size: number): string[] {
  const reader = new BlockReader();
  const settled: string[] = [];
  let open: string[] = [];
  for (let start = 0; start < text.length; start += size) {
    reader.append(text.slice(start, start + size));
    const read = reader.read();
    settled.push(...read.settled.map((token) => token.raw.trim()));
    open = read.open.map((token) => token.raw.trim());
  }
  return [...settled, ...open];
}

describe('text that arrives in parts', () => {
  const whole = blocksOf(ANSWER, ANSWER.length);

  test.each([1, 2, 3, 7, 50])('has the same blocks as the whole text, in parts of %i', (size) => {
    expect(blocksOf(ANSWER, size)).toEqual(whole);
  });

  test('keeps a list with blank lines together', () => {
    expect(whole.filter((raw) => raw.startsWith('1. Water'))).toHaveLength(1);
    expect(whole.some((raw) => raw.startsWith('2.'))).toBe(false);
  });

  test('may have any line endings', () => {
    expect(blocksOf(ANSWER.replaceAll('\n', '\r\n'), 3)).toEqual(whole);
  });

  test('applies link definitions to later blocks', () => {
    const reader = new BlockReader();
    reader.append('[tea]: https://example.org/tea\n\nOne.\n\nTwo.\n\nThree.\n\n');
    reader.read();
    reader.append('Drink [tea].\n');
    const last = reader.read().open.at(-1);
    expect(reader.hasDefinitions).toBe(true);
    expect(JSON.stringify(last)).toContain('https://example.org/tea');
  });
});

describe('the work for long text', () => {
  /** Return the number of characters parsed for text that arrives in parts of four characters. */
  function parsed(text: string): number {
    const reader = new BlockReader();
    let [total, tail] = [0, 0];
    for (let start = 0; start < text.length; start += 4) {
      reader.append(text.slice(start, start + 4));
      tail += 4;
      if (!reader.isDue) continue;
      total += tail;
      tail = reader.read().open.reduce((sum, token) => sum + token.raw.length, 0);
    }
    return total;
  }

  test.each([
    ['paragraphs', (length: number) => 'Some words in a paragraph.\n\n'.repeat(length / 28)],
    ['one code block', (length: number) => `\`\`\`\n${'let x = 1;\n'.repeat(length / 11)}`],
    ['one list', (length: number) => '- an item of the list\n'.repeat(length / 22)],
  ])('is linear: %s', (_, text) => {
    const [short, long] = [text(8_000), text(64_000)];
    expect(parsed(long) / long.length).toBeLessThan((1.5 * parsed(short)) / short.length);
    expect(parsed(long) / long.length).toBeLessThan(40);
  });
});
