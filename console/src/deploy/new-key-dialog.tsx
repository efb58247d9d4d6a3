import { useState } from 'react';
import { type KeyKind, type KeyScope, type NewKey, useMakeKey } from '@/api/keys';
import { can, useSignedIn } from '@/api/session';
import { Field, Select } from '@/ui/field';
import fields from '@/ui/form.module.css';
import { FormDialog } from '@/ui/form-dialog';
import { Segments } from '@/ui/segments';
import { KeyLimitField, KeyNameField, keyLimit } from './key-fields';
import { KeyShown } from './key-shown';

const KINDS = [
  ['workspace', 'Workspace'],
  ['personal', 'Personal'],
] as const;

const RIGHTS: Record<string, { text: string; scopes: KeyScope[] }> = {
  call: { text: 'Call workflows and read runs', scopes: ['execute', 'read'] },
  approve: { text: 'Also answer pauses', scopes: ['execute', 'read', 'approve'] },
  publish: { text: 'Also edit and deploy', scopes: ['execute', 'read', 'write', 'deploy', 'approve'] },
  admin: { text: 'Everything', scopes: ['execute', 'read', 'write', 'deploy', 'approve', 'admin'] },
};

const LIVES = [
  ['', 'Never expires'],
  ['30', 'Expires in 30 days'],
  ['90', 'Expires in 90 days'],
  ['365', 'Expires in a year'],
] as const;

const DAY_MS = 86_400_000;

/** Makes a key and shows it once. */
export function NewKeyDialog({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<NewKey | null>(null);
  return made ? <KeyShown made={made} onClose={onClose} /> : <KeyForm onMade={setMade} onClose={onClose} />;
}

function KeyForm({ onMade, onClose }: { onMade: (key: NewKey) => void; onClose: () => void }) {
  const { workspace } = useSignedIn();
  const mayForWorkspace = can(workspace.role, 'admin');
  const [kind, setKind] = useState<KeyKind>(mayForWorkspace ? 'workspace' : 'personal');
  const [name, setName] = useState('');
  const [rights, setRights] = useState('call');
  const [life, setLife] = useState('');
  const [limit, setLimit] = useState('');
  const make = useMakeKey(kind);
  const submit = () => {
    const expiresAt = life ? new Date(Date.now() + Number(life) * DAY_MS).toISOString() : null;
    make.mutate(
      { name: name.trim(), scopes: RIGHTS[rights]?.scopes ?? [], expiresAt, rateLimit: keyLimit(limit) },
      { onSuccess: onMade },
    );
  };
  return (
    <FormDialog
      title="Generate API Key"
      action="Create"
      disabled={!name.trim()}
      busy={make.isPending}
      error={make.error}
      onSubmit={submit}
      onClose={onClose}
    >
      {mayForWorkspace && (
        <div className={fields.part}>
          <Segments label="Kind of key" value={kind} options={KINDS} onChange={setKind} />
          <p className={fields.hint}>
            {kind === 'workspace'
              ? 'Works in this workspace, whoever comes and goes.'
              : 'Works wherever you may, as long as you may.'}
          </p>
        </div>
      )}
      <KeyNameField value={name} onChange={setName} />
      <Field label="It may">
        {(control) => (
          <Select {...control} value={rights} onChange={(event) => setRights(event.target.value)}>
            {Object.entries(RIGHTS).map(([value, { text }]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Life">
        {(control) => (
          <Select {...control} value={life} onChange={(event) => setLife(event.target.value)}>
            {LIVES.map(([value, text]) => (
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
