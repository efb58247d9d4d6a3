/** Highlighted references, and underlined problems, in the code editor. */
import { typescriptLanguage } from '@codemirror/lang-javascript';
import { jsonLanguage } from '@codemirror/lang-json';
import { pythonLanguage } from '@codemirror/lang-python';
import { type Range, StateEffect } from '@codemirror/state';
import { Decoration, type DecorationSet, type EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view';
import { maskReferences, type ReferenceCheck, referencesIn } from '@/workflow/reference-check';
import type { Language } from './code-editor';
import styles from './code-marks.module.css';

const PARSERS = {
  javascript: typescriptLanguage.parser,
  python: pythonLanguage.parser,
  json: jsonLanguage.parser,
} as const;

/** Longest text that is parsed on each change. */
const MAX_PARSED = 20_000;
const MAX_ERRORS = 20;

/** Effect that draws the marks again, for a changed language or workflow. */
export const redrawMarks = StateEffect.define<null>();

interface MarkOptions {
  language: Language;
  check?: ReferenceCheck;
}

/** Return the extension that marks references and problems. */
export function codeMarks(options: () => MarkOptions) {
  return ViewPlugin.fromClass(
    class {
      decorations: DecorationSet;

      constructor(view: EditorView) {
        this.decorations = marksOf(view.state.doc.toString(), options());
      }

      update(update: ViewUpdate) {
        const isRedrawn = update.transactions.some((each) => each.effects.some((effect) => effect.is(redrawMarks)));
        if (update.docChanged || isRedrawn) this.decorations = marksOf(update.state.doc.toString(), options());
      }
    },
    { decorations: (plugin) => plugin.decorations },
  );
}

function marksOf(text: string, { language, check }: MarkOptions): DecorationSet {
  const marks: Range<Decoration>[] = [];
  for (const { from, to, path } of referencesIn(text)) {
    const problem = path && check ? check(path) : null;
    marks.push((problem ? problemMark(problem) : REFERENCE_MARK).range(from, to));
  }
  for (const at of syntaxErrors(text, language)) marks.push(problemMark('Syntax error.').range(at, at + 1));
  return Decoration.set(marks, true);
}

const REFERENCE_MARK = Decoration.mark({ class: styles.reference });

function problemMark(problem: string): Decoration {
  return Decoration.mark({ class: styles.problem, attributes: { title: problem, 'data-problem': problem } });
}

/** Return the positions of syntax errors. Errors at the end of a text are reported at its last character. */
function syntaxErrors(text: string, language: Language): number[] {
  if (language === 'text' || text.length > MAX_PARSED || !text.trim()) return [];
  const found = new Set<number>();
  const last = text.trimEnd().length - 1;
  PARSERS[language].parse(maskReferences(text, language === 'json')).iterate({
    enter: ({ type, from }) => {
      if (type.isError && found.size < MAX_ERRORS) found.add(Math.min(from, last));
    },
  });
  return [...found].filter((at) => text[at] !== '\n');
}
