import { useState } from 'react';
import { useChangePassword } from '@/api/session';
import { NewPassword } from '@/app/new-password';
import { Field, TextInput } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';
import { useToasts } from '@/ui/toasts';

export function PasswordDialog({ onClose }: { onClose: () => void }) {
  const { notify } = useToasts();
  const change = useChangePassword();
  const [currentPassword, setCurrent] = useState('');
  const [newPassword, setNew] = useState('');
  const done = () => {
    notify('Password changed.');
    onClose();
  };
  return (
    <FormDialog
      title="Change password"
      description="This signs you out of all other sessions."
      action="Change password"
      busy={change.isPending}
      error={change.error}
      onSubmit={() => change.mutate({ currentPassword, newPassword }, { onSuccess: done })}
      onClose={onClose}
    >
      <Field label="Current password">
        {(control) => (
          <TextInput
            {...control}
            type="password"
            autoComplete="current-password"
            required
            autoFocus
            value={currentPassword}
            onChange={(event) => setCurrent(event.target.value)}
          />
        )}
      </Field>
      <NewPassword label="New password" value={newPassword} onChange={setNew} />
    </FormDialog>
  );
}
