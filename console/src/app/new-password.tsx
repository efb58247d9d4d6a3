import { Field, TextInput } from '@/ui/field';

interface NewPasswordProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

/** Where a password is chosen, with the rule that the server has for it. */
export function NewPassword({ label, value, onChange }: NewPasswordProps) {
  return (
    <Field label={label} hint="8 characters or more.">
      {(control) => (
        <TextInput
          {...control}
          type="password"
          autoComplete="new-password"
          required
          minLength={8}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
