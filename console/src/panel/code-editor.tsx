import { autocompletion } from '@codemirror/autocomplete';
import { javascript } from '@codemirror/lang-javascript';
import { json } from '@codemirror/lang-json';
import { python } from '@codemirror/lang-python';
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { Annotation, Compartment, EditorState, type Extension, Prec, Transaction } from '@codemirror/state';
import { EditorView, keymap, placeholder as placeholderOf } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { minimalSetup } from 'codemirror';
import { useEffect, useRef } from 'react';
import { classNames } from '@/ui/class-names';
import type { ReferenceCheck } from '@/workflow/reference-check';
import type { Reference } from '@/workflow/references';
import styles from './code-editor.module.css';
import { codeMarks, redrawMarks } from './code-marks';
import { suggestions } from './completion';

export type Language = 'text' | 'javascript' | 'python' | 'json';

interface CodeEditorProps {
  label: string;
  value: string;
  language?: Language;
  /** Single line: Enter inserts no line break. */
  single?: boolean;
  placeholder?: string;
  readOnly?: boolean;
  references: readonly Reference[];
  environment: readonly string[];
  /** Returns the problem of a reference, which is underlined. */
  check?: ReferenceCheck;
  /** Fills the height of its container, instead of growing with its text. */
  tall?: boolean;
  onChange: (value: string) => void;
}

const COLORS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.bool, tags.null], color: 'var(--code-link)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--code-string)' },
  { tag: [tags.number, tags.propertyName], color: 'var(--code-key)' },
  { tag: tags.comment, color: 'var(--code-comment)', fontStyle: 'italic' },
]);

/** Marks changes from the `value` prop, such as an undo. They must not be reported as edits. */
const FromOutside = Annotation.define<boolean>();

/** Reserved for the page, which runs the draft: no line break here. */
const THE_PAGES = { key: 'Mod-Enter', run: () => true };

const LANGUAGES: Record<Language, () => Extension> = {
  // Natural language may be right-to-left; code is not.
  text: () => EditorView.contentAttributes.of({ dir: 'auto' }),
  javascript: () => javascript({ typescript: true }),
  python,
  json,
};

/** Editor for code, and for text with references. Completes references and secrets. */
export function CodeEditor(props: CodeEditorProps) {
  const { label, value, language = 'text', single = false, placeholder = '', readOnly = false, check } = props;
  const holder = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const languageMode = useRef(new Compartment());

  // biome-ignore lint/correctness/useExhaustiveDependencies: created once; the effects below apply changed props
  useEffect(() => {
    const parent = holder.current;
    if (!parent) return;
    const made = new EditorView({
      parent,
      state: EditorState.create({
        doc: value,
        extensions: [
          minimalSetup,
          Prec.high(keymap.of(single ? [{ key: 'Enter', run: () => true }, THE_PAGES] : [THE_PAGES])),
          single ? EditorView.clipboardInputFilter.of(inOneLine) : [],
          single ? EditorState.transactionFilter.of((change) => (isBroken(change) ? [] : change)) : [],
          EditorView.lineWrapping,
          EditorView.editable.of(!readOnly),
          EditorView.contentAttributes.of({ 'aria-label': label }),
          placeholderOf(placeholder),
          syntaxHighlighting(COLORS),
          autocompletion({ override: [(context) => suggestions(context, latest.current)], icons: false }),
          codeMarks(() => ({ language: latest.current.language ?? 'text', check: latest.current.check })),
          languageMode.current.of(LANGUAGES[language]()),
          EditorView.updateListener.of((update) => {
            const isTyped = !update.transactions.some((each) => each.annotation(FromOutside));
            if (update.docChanged && isTyped) latest.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, [single, readOnly, label]);

  useEffect(() => {
    view.current?.dispatch({
      effects: [languageMode.current.reconfigure(LANGUAGES[language]()), redrawMarks.of(null)],
    });
  }, [language]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new check draws the marks again
  useEffect(() => {
    view.current?.dispatch({ effects: redrawMarks.of(null) });
  }, [check]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === value) return;
    editor.dispatch({
      changes: { from: 0, to: editor.state.doc.length, insert: value },
      annotations: [FromOutside.of(true), Transaction.addToHistory.of(false)],
    });
  }, [value]);

  return (
    <div
      ref={holder}
      className={classNames(styles.editor, single && styles.single, props.tall && styles.tall, styles[language])}
    />
  );
}

/** Join pasted lines, as single-line fields of browsers do. */
function inOneLine(text: string): string {
  return text.replaceAll(/^[\r\n]+|[\r\n]+$/g, '').replaceAll(/[\r\n]+/g, ' ');
}

/** Return whether the user added a line. Stored values with several lines stay editable. */
function isBroken(change: Transaction): boolean {
  return change.newDoc.lines > change.startState.doc.lines && !change.annotation(FromOutside);
}
