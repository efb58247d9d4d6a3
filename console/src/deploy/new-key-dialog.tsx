import { useState } from 'react';
import { type KeyKind, type KeyScope, type NewKey, useCreateKey } from '@/api/keys';
import { can, useSignedIn } from '@/api/session';
import { Field, Select } from '@/ui/field';
import fields from '@/ui/form.module.css';
import { FormDialog } from '@/ui/form-dialog';
import { SegmentedControl } from '@/ui/segmented-control';
import { CreatedKeyDialog } from './created-key-dialog';
import { KeyLimitField, KeyNameField, keyLimit } from './key-fields';

const KINDS = [
  ['workspace', 'Workspace'],
  ['personal', 'Personal'],
] as const;

const PERMISSIONS: Record<string, { text: string; scopes: KeyScope[] }> = {
  call: { text: 'Call workflows and read runs', scopes: ['execute', 'read'] },
  approve: { text: 'Call workflows, read runs, resume paused runs', scopes: ['execute', 'read', 'approve'] },
  publish: { text: 'Call, edit and deploy workflows', scopes: ['execute', 'read', 'write', 'deploy', 'approve'] },
  admin: { text: 'Full access', scopes: ['execute', 'read', 'write', 'deploy', 'approve', 'admin'] },
};

const EXPIRATIONS = [
  ['', 'No expiration'],
  ['30', '30 days'],
  ['90', '90 days'],
  ['365', '1 year'],
] as const;

const DAY_MS = 86_400_000;

/** Dialog that creates a key and shows it once. */
export function NewKeyDialog({ onClose }: { onClose: () => void }) {
  const [created, setCreated] = useState<NewKey | null>(null);
  return created ? (
    <CreatedKeyDialog created={created} onClose={onClose} />
  ) : (
    <KeyForm onCreated={setCreated} onClose={onClose} />
  );
}

function KeyForm({ onCreated, onClose }: { onCreated: (key: NewKey) => void; onClose: () => void }) {
  const { workspace } = useSignedIn();
  const canCreateForWorkspace = can(workspace.role, 'admin');
  const [kind, setKind] = useState<KeyKind>(canCreateForWorkspace ? 'workspace' : 'personal');
  const [name, setName] = useState('');
  const [permissions, setPermissions] = useState('call');
  const [expiration, setExpiration] = useState('');
  const [limit, setLimit] = useState('');
  const create = useCreateKey(kind);
  const submit = () => {
    const expiresAt = expiration ? new Date(Date.now() + Number(expiration) * DAY_MS).toISOString() : null;
    create.mutate(
      { name: name.trim(), scopes: PERMISSIONS[permissions]?.scopes ?? [], expiresAt, rateLimit: keyLimit(limit) },
      { onSuccess: onCreated },
    );
  };
  return (
    <FormDialog
      title="Generate API Key"
      help="keys"
      action="Create"
      disabled={!name.trim()}
      busy={create.isPending}
      error={create.error}
      onSubmit={submit}
      onClose={onClose}
    >
      {canCreateForWorkspace && (
        <div className={fields.part}>
          <SegmentedControl label="Key type" value={kind} options={KINDS} onChange={setKind} />
          <p className={fields.hint}>
            {kind === 'workspace'
              ? 'Belongs to this workspace and keeps working when members leave.'
              : 'Has the same access as you, in every workspace you belong to.'}
          </p>
        </div>
      )}
      <KeyNameField value={name} onChange={setName} />
      <Field label="Permissions">
        {(control) => (
          <Select {...control} value={permissions} onChange={(event) => setPermissions(event.target.value)}>
            {Object.entries(PERMISSIONS).map(([value, { text }]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Expiration">
        {(control) => (
          <Select {...control} value={expiration} onChange={(event) => setExpiration(event.target.value)}>
            {EXPIRATIONS.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <KeyLimitField value={limit} onChange={setLimit} />
    </FormDialog>
  );
}
