import type { CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import type { Reference } from '@/workflow/references';

/** Return the references or secrets that may follow at the cursor. */
export function suggestions(
  context: CompletionContext,
  { references, environment }: { references: readonly Reference[]; environment: readonly string[] },
): CompletionResult | null {
  const secret = context.matchBefore(/\{\{[\w.-]*$/);
  if (secret) {
    const options = environment.map((name) => ({ label: `{{${name}}}`, detail: 'Secret' }));
    return { from: secret.from, options, validFor: /^\{\{[\w.-]*\}?\}?$/ };
  }
  const started = context.matchBefore(/<[\p{L}\p{N}_.[\]-]*$/u);
  if (!started) return null;
  const options = references.map(({ text, owner }) => ({ label: `<${text}>`, detail: owner }));
  return { from: started.from, options, validFor: /^<[\p{L}\p{N}_.[\]-]*>?$/u };
}
