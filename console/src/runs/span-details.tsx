import type { ReactNode } from 'react';
import type { Span } from '@/api/runs';
import { cost } from '@/app/format';
import { JsonView } from '@/ui/json-view';
import { InlineError } from '@/ui/states';
import { BlockInput } from './block-input';
import { describeWait } from './describe-wait';
import styles from './span-details.module.css';
import { errorOf } from './spans';

interface Props {
  span: Span;
  /** Whether the run has ended. */
  ended: boolean;
  /** Facts to show before model, tokens and cost. */
  facts?: readonly (readonly [string, ReactNode])[];
}

/** Execution of a block: error, wait, model usage, input and output. */
export function SpanDetails({ span, ended, facts = [] }: Props) {
  const wait = describeWait(span);
  const shown = [
    ...facts,
    ...(span.model ? [['Model', span.model] as const] : []),
    ...(span.tokens ? [['Tokens', tokensOf(span.tokens)] as const] : []),
    ...(span.cost?.total ? [['Cost', cost(span.cost.total)] as const] : []),
  ];
  return (
    <>
      <InlineError error={errorOf(span)} />
      {wait && (
        <p>
          {ended ? 'Waited' : 'Waiting'} {wait}.
        </p>
      )}
      {shown.length > 0 && (
        <dl className={styles.facts}>
          {shown.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      <div className={styles.values}>
        <BlockInput value={span.input ?? null} />
        {!wait && span.output !== undefined && span.output !== null && <JsonView label="Output" value={span.output} />}
      </div>
    </>
  );
}

function tokensOf(tokens: NonNullable<Span['tokens']>): string {
  if (typeof tokens !== 'object' || Array.isArray(tokens)) return String(tokens);
  const { input, output, prompt, completion, total } = tokens;
  return `${input ?? prompt ?? 0} input, ${output ?? completion ?? 0} output, ${total ?? 0} total`;
}
