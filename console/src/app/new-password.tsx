import { Field, TextInput } from '@/ui/field';

interface NewPasswordProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

/** Field for a new password, with the server's minimum length. */
export function NewPassword({ label, value, onChange }: NewPasswordProps) {
  return (
    <Field label={label} hint="At least 8 characters.">
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
