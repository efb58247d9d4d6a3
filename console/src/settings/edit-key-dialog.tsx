import { useState } from 'react';
import { type KeyKind, type KeyRow, useChangeKey } from '@/api/keys';
import { KeyLimitField, KeyNameField, keyLimit } from '@/deploy/key-fields';
import { FormDialog } from '@/ui/form-dialog';

interface Props {
  row: KeyRow;
  kind: KeyKind;
  onClose: () => void;
}

/** Gives a key another name or limit. What it may do stays: that would be another key. */
export function EditKeyDialog({ row, kind, onClose }: Props) {
  const change = useChangeKey(kind);
  const [name, setName] = useState(row.name);
  const [limit, setLimit] = useState(row.rateLimit?.toString() ?? '');
  const wish = {
    ...(name.trim() !== row.name && { name: name.trim() }),
    ...(keyLimit(limit) !== row.rateLimit && { rateLimit: keyLimit(limit) }),
  };
  return (
    <FormDialog
      title={`Edit ${row.name}`}
      description="Programs go on with the same key."
      action="Save"
      disabled={!name.trim() || !Object.keys(wish).length}
      busy={change.isPending}
      error={change.error}
      onSubmit={() => change.mutate({ id: row.id, wish }, { onSuccess: onClose })}
      onClose={onClose}
    >
      <KeyNameField value={name} onChange={setName} />
      <KeyLimitField value={limit} onChange={setLimit} />
    </FormDialog>
  );
}
