import { type FormEvent, useId, useState } from 'react';
import { type ToolServer, useSaveServer } from '@/api/tool-servers';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { Field, TextArea, TextInput } from '@/ui/field';
import fields from '@/ui/form.module.css';
import { Segments } from '@/ui/segments';
import { Problem } from '@/ui/states';

const ACCESS = [
  ['key', 'API Key'],
  ['public', 'Public'],
] as const;

/** Makes an MCP server, or changes one. */
export function ToolServerDialog({ server, onClose }: { server: ToolServer | null; onClose: () => void }) {
  const save = useSaveServer(server);
  const form = useId();
  const [name, setName] = useState(server?.name ?? '');
  const [description, setDescription] = useState(server?.description ?? '');
  const [access, setAccess] = useState<'key' | 'public'>(server?.isPublic ? 'public' : 'key');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const wish = { name: name.trim(), description: description.trim(), isPublic: access === 'public' };
    save.mutate(wish, { onSuccess: onClose });
  };
  return (
    <Dialog
      title={server ? 'Edit server' : 'Create MCP server'}
      open
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" form={form} disabled={!name.trim()} busy={save.isPending}>
            {server ? 'Save' : 'Create'}
          </Button>
        </>
      }
    >
      <form id={form} className={fields.form} onSubmit={submit}>
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
        <Problem error={save.error} />
      </form>
    </Dialog>
  );
}
