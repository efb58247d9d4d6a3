import { Field, TextInput } from '@/ui/field';

const MOST_CALLS = 1_000_000_000;

interface Props {
  value: string;
  onChange: (value: string) => void;
}

export function KeyNameField({ value, onChange }: Props) {
  return (
    <Field label="Name" hint="Where it is used, so that you know what to revoke.">
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
    <Field label="Calls a minute" hint="Of each kind. The workspace's own limits hold as well.">
      {(control) => (
        <TextInput
          {...control}
          type="number"
          min={1}
          max={MOST_CALLS}
          placeholder="No limit of its own"
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

/** What a `KeyLimitField` says, as the API takes it. */
export const keyLimit = (text: string): number | null => (text ? Number(text) : null);
