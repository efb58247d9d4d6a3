import { useState } from 'react';
import { type KeyKind, type KeyRow, useUpdateKey } from '@/api/keys';
import { KeyLimitField, KeyNameField, keyLimit } from '@/deploy/key-fields';
import { FormDialog } from '@/ui/form-dialog';

interface Props {
  row: KeyRow;
  kind: KeyKind;
  onClose: () => void;
}

/** Dialog that changes the name and rate limit of a key. Permissions cannot be changed. */
export function EditKeyDialog({ row, kind, onClose }: Props) {
  const change = useUpdateKey(kind);
  const [name, setName] = useState(row.name);
  const [limit, setLimit] = useState(row.rateLimit?.toString() ?? '');
  const settings = {
    ...(name.trim() !== row.name && { name: name.trim() }),
    ...(keyLimit(limit) !== row.rateLimit && { rateLimit: keyLimit(limit) }),
  };
  return (
    <FormDialog
      title={`Edit ${row.name}`}
      help="keys"
      description="The key itself does not change."
      action="Save"
      disabled={!name.trim() || !Object.keys(settings).length}
      busy={change.isPending}
      error={change.error}
      onSubmit={() => change.mutate({ id: row.id, settings }, { onSuccess: onClose })}
      onClose={onClose}
    >
      <KeyNameField value={name} onChange={setName} />
      <KeyLimitField value={limit} onChange={setLimit} />
    </FormDialog>
  );
}
