import { useState } from 'react';
import { changedFields } from '@/api/changed-fields';
import { type McpServer, type McpServerSettings, useSaveMcpServer } from '@/api/mcp-servers';
import { Field, TextArea, TextInput } from '@/ui/field';
import fields from '@/ui/form.module.css';
import { FormDialog } from '@/ui/form-dialog';
import { SegmentedControl } from '@/ui/segmented-control';

const ACCESS = [
  ['key', 'API Key'],
  ['public', 'Public'],
] as const;

/** Dialog that creates or edits an MCP server. */
export function McpServerDialog({ server, onClose }: { server: McpServer | null; onClose: () => void }) {
  const save = useSaveMcpServer(server);
  const [before] = useState(server);
  const [name, setName] = useState(server?.name ?? '');
  const [description, setDescription] = useState(server?.description ?? '');
  const [access, setAccess] = useState<'key' | 'public'>(server?.isPublic ? 'public' : 'key');
  const submit = () => {
    const settings: McpServerSettings = {
      name: name.trim(),
      description: description.trim(),
      isPublic: access === 'public',
    };
    save.mutate(before ? changedFields(before, settings) : settings, { onSuccess: onClose });
  };
  return (
    <FormDialog
      title={server ? 'Edit MCP server' : 'Create MCP server'}
      help="mcp-servers"
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
        <SegmentedControl label="Access" value={access} options={ACCESS} onChange={setAccess} />
        <p className={fields.hint}>
          {access === 'key'
            ? 'Agents need an API key that can execute workflows.'
            : 'Anyone with the URL can use its tools. Usage is charged to this workspace.'}
        </p>
      </div>
    </FormDialog>
  );
}
