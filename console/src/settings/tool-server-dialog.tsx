import { useState } from 'react';
import { differing } from '@/api/differing';
import { type ServerWish, type ToolServer, useSaveServer } from '@/api/tool-servers';
import { Field, TextArea, TextInput } from '@/ui/field';
import fields from '@/ui/form.module.css';
import { FormDialog } from '@/ui/form-dialog';
import { Segments } from '@/ui/segments';

const ACCESS = [
  ['key', 'API Key'],
  ['public', 'Public'],
] as const;

/** Makes an MCP server, or changes one. */
export function ToolServerDialog({ server, onClose }: { server: ToolServer | null; onClose: () => void }) {
  const save = useSaveServer(server);
  const [before] = useState(server);
  const [name, setName] = useState(server?.name ?? '');
  const [description, setDescription] = useState(server?.description ?? '');
  const [access, setAccess] = useState<'key' | 'public'>(server?.isPublic ? 'public' : 'key');
  const submit = () => {
    const wish: ServerWish = { name: name.trim(), description: description.trim(), isPublic: access === 'public' };
    save.mutate(before ? differing(before, wish) : wish, { onSuccess: onClose });
  };
  return (
    <FormDialog
      title={server ? 'Edit server' : 'Create MCP server'}
      action={server ? 'Save' : 'Create'}
      disabled={!name.trim()}
      busy={save.isPending}
      error={save.error}
      onSubmit={submit}
      onClose={onClose}
    >
      <Field label="Name" required>
        {(control) => (
          <TextInput
            {...control}
            autoFocus
            required
            maxLength={200}
            placeholder="e.g. Support tools"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label="Description">
        {(control) => (
          <TextArea
            {...control}
            rows={2}
            maxLength={2000}
            value={description}
            onChange={(event) => setDescription(event.target.value)}
          />
        )}
      </Field>
      <div className={fields.part}>
        <span className={fields.label}>Access</span>
        <Segments label="Access" value={access} options={ACCESS} onChange={setAccess} />
        <p className={fields.hint}>
          {access === 'key'
            ? 'Agents connect with an API key that may call workflows.'
            : 'Anyone with the address can use its tools. What they spend is yours.'}
        </p>
      </div>
    </FormDialog>
  );
}
