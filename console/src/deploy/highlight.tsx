import type { ReactNode } from 'react';
import styles from './highlight.module.css';

const TOKEN =
  /(?<comment>(?<!:)\/\/[^\n]*|(?<=^|\n)#[^\n]*)|(?<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)|(?<link>https?:\/\/[^\s"'`\\]+)|(?<flag>(?<=\s)-{1,2}[A-Za-z][\w-]*)|(?<word>\b(?:import|from|const|let|await|async|return|if|while|for|in|of|as|with|def|print|true|false|True|False|None|null|type|interface|new|break|POST|GET)\b)|(?<number>\b\d+(?:\.\d+)?\b)/g;

/** Highlight short code samples in four languages without a parser for each. */
export function highlighted(code: string): ReactNode[] {
  const parts: ReactNode[] = [];
  let at = 0;
  for (const match of code.matchAll(TOKEN)) {
    const kind = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined)?.[0] ?? '';
    parts.push(code.slice(at, match.index));
    parts.push(
      <span key={match.index} className={styles[kind]}>
        {match[0]}
      </span>,
    );
    at = match.index + match[0].length;
  }
  parts.push(code.slice(at));
  return parts;
}
