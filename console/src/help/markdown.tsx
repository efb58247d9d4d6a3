import { Marked, type Token, type Tokens } from 'marked';
import { Fragment, type ReactNode } from 'react';
import { Link } from 'wouter';
import { CopyButton } from '@/ui/copy-button';
import { anchorOf, siteAnchorOf } from './headings';
import styles from './help.module.css';
import { resolveLink } from './pages';
import { helpHref } from './topics';

const marked = new Marked({ gfm: true });

export function parse(text: string): Token[] {
  return marked.lexer(text);
}

/** Return the text of a heading without its formatting. */
export function plainText(tokens: readonly Token[]): string {
  return tokens.map((token) => ('tokens' in token && token.tokens ? plainText(token.tokens) : textOf(token))).join('');
}

function textOf(token: Token): string {
  return 'text' in token ? token.text : '';
}

/** Text of a page of the documentation. */
export function Markdown({ tokens, page }: { tokens: readonly Token[]; page: string }) {
  return tokens.map((token, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the text does not change
    <Fragment key={index}>{elementOf(token, page)}</Fragment>
  ));
}

function elementOf(token: Token, page: string): ReactNode {
  const content = (tokens: Token[] | undefined) => <Markdown tokens={tokens ?? []} page={page} />;
  switch (token.type) {
    case 'heading':
      return <Heading depth={token.depth} text={plainText(token.tokens ?? [])} content={content(token.tokens)} />;
    case 'paragraph':
      return <p>{content(token.tokens)}</p>;
    case 'text':
      return token.tokens ? content(token.tokens) : token.text;
    case 'strong':
      return <strong>{content(token.tokens)}</strong>;
    case 'em':
      return <em>{content(token.tokens)}</em>;
    case 'codespan':
      return <code>{token.text}</code>;
    case 'code':
      return <CodeBlock text={token.text} />;
    case 'blockquote':
      return <blockquote>{content(token.tokens)}</blockquote>;
    case 'list':
      return <List list={token as Tokens.List} page={page} />;
    case 'table':
      return <Table table={token as Tokens.Table} page={page} />;
    case 'link':
      return <PageLink href={token.href} page={page} content={content(token.tokens)} />;
    case 'image':
      return <Picture href={token.href} page={page} text={token.text} />;
    case 'escape':
      return token.text;
    case 'br':
      return <br />;
    case 'html': // cells of tables have no other line break
      return /^<br\s*\/?>$/.test(token.text) ? <br /> : null;
    case 'hr':
      return <hr />;
    default:
      return null;
  }
}

interface HeadingProps {
  depth: number;
  text: string;
  content: ReactNode;
}

function Heading({ depth, text, content }: HeadingProps) {
  const Level = `h${Math.min(depth, 4)}` as 'h1' | 'h2' | 'h3' | 'h4';
  const [anchor, other] = [siteAnchorOf(text), anchorOf(text)];
  return (
    <Level id={anchor} tabIndex={-1}>
      {other !== anchor && <span id={other} />}
      {content}
    </Level>
  );
}

function CodeBlock({ text }: { text: string }) {
  return (
    <div className={styles.code}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable by keyboard */}
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
      <CopyButton text={text} label="Copy code" />
    </div>
  );
}

function List({ list, page }: { list: Tokens.List; page: string }) {
  const items = list.items.map((item, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the text does not change
    <li key={index}>
      <Markdown tokens={item.tokens} page={page} />
    </li>
  ));
  return list.ordered ? <ol start={list.start || 1}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ table, page }: { table: Tokens.Table; page: string }) {
  const hasHead = table.header.some((cell) => cell.text);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable by keyboard
    <div className={styles.table} tabIndex={0}>
      <table>
        {hasHead && (
          <thead>
            <Row cells={table.header} page={page} as="th" />
          </thead>
        )}
        <tbody>
          {table.rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the text does not change
            <Row key={index} cells={row} page={page} as="td" />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ cells, page, as: Cell }: { cells: readonly Tokens.TableCell[]; page: string; as: 'th' | 'td' }) {
  return (
    <tr>
      {cells.map((cell, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the text does not change
        <Cell key={index} scope={Cell === 'th' ? 'col' : undefined}>
          <Markdown tokens={cell.tokens} page={page} />
        </Cell>
      ))}
    </tr>
  );
}

/** Link of a page. Files that are not part of the console, such as source code, stay text. */
function PageLink({ href, page, content }: { href: string; page: string; content: ReactNode }) {
  const target = resolveLink(href, page);
  if (target === null) return content;
  if ('page' in target && target.page === page) return <a href={`#${target.anchor ?? ''}`}>{content}</a>;
  if ('page' in target) return <Link href={helpHref(target)}>{content}</Link>;
  return (
    <a href={'site' in target ? target.site : target.picture} target="_blank" rel="noopener">
      {content}
    </a>
  );
}

function Picture({ href, page, text }: { href: string; page: string; text: string }) {
  const target = resolveLink(href, page);
  return target && 'picture' in target && <img src={target.picture} alt={text} className={styles.picture} />;
}
