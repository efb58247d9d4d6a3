import { Field, Select, TextInput } from '@/ui/field';
import { useParsedNumber } from '@/ui/use-parsed-text';
import { type Block, type BlockData, type Json, textOf } from '@/workflow/state';
import { CodeEditor } from './code-editor';
import styles from './setting.module.css';
import type { Completions } from './setting-props';

interface Props {
  block: Block;
  disabled: boolean;
  completions: Completions;
  onChange: (change: BlockData) => void;
}

const USUAL_TIMES = 5;

const LOOPS = [
  ['for', 'Fixed number of times'],
  ['forEach', 'For each item in a list'],
  ['while', 'While a condition is true'],
  ['doWhile', 'Once, then while a condition is true'],
] as const;

/** Settings of a loop or parallel. */
export function ContainerSettings({ block, disabled, completions, onChange }: Props) {
  const { data = {} } = block;
  const isLoop = block.type === 'loop';
  const kind = isLoop ? (data.loopType ?? 'for') : (data.parallelType ?? 'count');
  const expression = (label: string, key: 'collection' | 'whileCondition' | 'doWhileCondition') => (
    <div className={styles.group}>
      <span className={styles.title} aria-hidden>
        {label}
      </span>
      <CodeEditor
        {...completions}
        label={label}
        language="javascript"
        value={textOf(data[key])}
        readOnly={disabled}
        placeholder={key === 'collection' ? '<start.items> or ["a", "b"]' : '<loop.index> < 3'}
        onChange={(text) => onChange({ [key]: text })}
      />
    </div>
  );
  return (
    <>
      <Field label={isLoop ? 'Loop type' : 'Parallel type'}>
        {(control) => (
          <Select
            {...control}
            value={kind}
            disabled={disabled}
            onChange={(event) =>
              onChange(isLoop ? { loopType: event.target.value } : { parallelType: event.target.value })
            }
          >
            {isLoop ? (
              LOOPS.map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))
            ) : (
              <>
                <option value="count">Fixed number of branches</option>
                <option value="collection">For each item in a list</option>
              </>
            )}
          </Select>
        )}
      </Field>
      {(kind === 'for' || kind === 'count') && (
        <Times count={data.count ?? USUAL_TIMES} disabled={disabled} onChange={(count) => onChange({ count })} />
      )}
      {(kind === 'forEach' || kind === 'collection') && expression('List', 'collection')}
      {kind === 'while' && expression('Condition', 'whileCondition')}
      {kind === 'doWhile' && expression('Condition', 'doWhileCondition')}
    </>
  );
}

interface TimesProps {
  count: Json;
  disabled: boolean;
  onChange: (count: Json) => void;
}

function Times({ count, disabled, onChange }: TimesProps) {
  const [text, change] = useParsedNumber(count, onChange);
  return (
    <Field label="Iterations" error={timesProblem(text)}>
      {(control) => (
        <TextInput
          {...control}
          inputMode="numeric"
          value={text}
          disabled={disabled}
          onChange={(event) => change(event.target.value)}
        />
      )}
    </Field>
  );
}

/** The engine treats 0 and an empty count as the default. */
function timesProblem(text: string): string | null {
  if (Number(text) > 0) return null;
  return Number(text) === 0 ? `Enter a number. The default is ${USUAL_TIMES}.` : 'Enter a number of at least 1.';
}
