import { Field, TextInput } from '@/ui/field';

const MOST_CALLS = 1_000_000_000;

interface Props {
  value: string;
  onChange: (value: string) => void;
}

export function KeyNameField({ value, onChange }: Props) {
  return (
    <Field label="Name" hint="The application or environment that uses the key.">
      {(control) => (
        <TextInput
          {...control}
          autoFocus
          maxLength={100}
          placeholder="e.g. Production backend"
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

export function KeyLimitField({ value, onChange }: Props) {
  return (
    <Field
      label="Rate limit (calls per minute)"
      hint="Applies to each kind of call, in addition to the workspace’s limits."
    >
      {(control) => (
        <TextInput
          {...control}
          type="number"
          min={1}
          max={MOST_CALLS}
          placeholder="No limit"
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

/** Convert the text of a `KeyLimitField` to the API's value. */
export const keyLimit = (text: string): number | null => (text ? Number(text) : null);
