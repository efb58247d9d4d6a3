import { CompletionContext } from '@codemirror/autocomplete';
import { EditorState } from '@codemirror/state';
import { expect, test } from 'vitest';
import { suggestions } from '@/panel/completion';

const KNOWN = { references: [{ text: 'start.input', owner: 'Start' }], environment: ['KEY', 'my.key-2'] };

/** Return what is offered at the end of a text, and whether it still is after typing on. */
function offered(text: string, typed = text) {
  const context = new CompletionContext(EditorState.create({ doc: text }), text.length, true);
  const found = suggestions(context, KNOWN);
  const isValid = found?.validFor instanceof RegExp && found.validFor.test(typed.slice(found.from));
  return found && { from: found.from, labels: found.options.map(({ label }) => label), isValid };
}

test('offers secrets, whose names may have dots and dashes', () => {
  const labels = ['{{KEY}}', '{{my.key-2}}'];
  expect(offered('a {{')).toEqual({ from: 2, labels, isValid: true });
  expect(offered('a {{my.k')).toEqual({ from: 2, labels, isValid: true });
  expect(offered('a {{m', 'a {{my.key-2}}')).toEqual({ from: 2, labels, isValid: true });
});

test('offers references after an angle bracket', () => {
  expect(offered('x <sta')).toEqual({ from: 2, labels: ['<start.input>'], isValid: true });
  expect(offered('x sta')).toBeNull();
});
