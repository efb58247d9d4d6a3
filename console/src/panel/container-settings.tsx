import { Field, Select, TextInput } from '@/ui/field';
import { useTypedNumber } from '@/ui/use-typed-text';
import { type Block, type BlockData, type Json, textOf } from '@/workflow/state';
import { CodeEditor } from './code-editor';
import styles from './setting.module.css';
import type { Words } from './setting-props';

interface Props {
  block: Block;
  disabled: boolean;
  words: Words;
  onChange: (change: BlockData) => void;
}

const USUAL_TIMES = 5;

const LOOPS = [
  ['for', 'A number of times'],
  ['forEach', 'For each item of a list'],
  ['while', 'While something is true'],
  ['doWhile', 'Once, then while something is true'],
] as const;

/** How often what lies in a loop or parallel runs. */
export function ContainerSettings({ block, disabled, words, onChange }: Props) {
  const { data = {} } = block;
  const isLoop = block.type === 'loop';
  const kind = isLoop ? (data.loopType ?? 'for') : (data.parallelType ?? 'count');
  const expression = (label: string, key: 'collection' | 'whileCondition' | 'doWhileCondition') => (
    <div className={styles.group}>
      <span className={styles.title} aria-hidden>
        {label}
      </span>
      <CodeEditor
        {...words}
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
      <Field label="Runs">
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
                <option value="count">A number of times at once</option>
                <option value="collection">For each item of a list</option>
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
  const [text, change] = useTypedNumber(count, onChange);
  return (
    <Field label="Times" error={timesProblem(text)}>
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

/** The engine takes none, like nothing, for not decided. */
function timesProblem(text: string): string | null {
  if (Number(text) > 0) return null;
  return Number(text) === 0 ? `Until there is a number, ${USUAL_TIMES} times.` : 'A number is expected, 1 or more.';
}
