import type { ComponentProps } from 'react';
import details from '@/ui/details.module.css';
import { Field, TextInput } from '@/ui/field';
import form from '@/ui/form.module.css';
import type { LimitTexts } from './limits';
import styles from './replays.module.css';

const MOST_RUNS = 1_000;
const MOST_DOLLARS = 10_000;
const MOST_CALLS = 100_000;

interface Props {
  value: LimitTexts;
  onChange: (value: LimitTexts) => void;
}

/** Thresholds of a replay, and its budget for live models. */
export function LimitFields({ value, onChange }: Props) {
  const number = (name: Exclude<keyof LimitTexts, 'callsModels'>): ComponentProps<'input'> => ({
    type: 'number',
    required: true,
    value: value[name],
    onChange: (event) => onChange({ ...value, [name]: event.target.value }),
  });
  const runs = { min: 0, max: MOST_RUNS };
  return (
    <details
      className={details.details}
      onInvalidCapture={(event) => {
        event.currentTarget.open = true; // browsers do not show a message at a hidden field
      }}
    >
      <summary>Thresholds and models</summary>
      <div className={details.body}>
        <div className={styles.numbers}>
          <Field label="Different runs allowed">
            {(control) => <TextInput {...control} {...runs} {...number('maxDifferent')} />}
          </Field>
          <Field label="Unrecorded calls allowed">
            {(control) => <TextInput {...control} {...runs} {...number('maxUnrecorded')} />}
          </Field>
          <Field label="Failed runs allowed">
            {(control) => <TextInput {...control} {...runs} {...number('maxFailed')} />}
          </Field>
        </div>
        <label className={form.check}>
          <input
            type="checkbox"
            checked={value.callsModels}
            onChange={(event) => onChange({ ...value, callsModels: event.target.checked })}
          />
          Call models whose answer is not recorded
        </label>
        {value.callsModels && (
          <div className={styles.numbers}>
            <Field label="Budget ($)" hint="Calls in progress can exceed it slightly.">
              {(control) => (
                <TextInput {...control} min={0.01} max={MOST_DOLLARS} step={0.01} {...number('maxDollars')} />
              )}
            </Field>
            <Field label="Calls at most">
              {(control) => <TextInput {...control} min={1} max={MOST_CALLS} {...number('maxCalls')} />}
            </Field>
          </div>
        )}
      </div>
    </details>
  );
}
