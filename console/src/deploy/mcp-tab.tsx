import { Blocks, Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useVersionState } from '@/api/deployments';
import { type McpServer, toolOf, useMcpServers, useSaveTool } from '@/api/mcp-servers';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { type InputField, inputFields } from '@/editor/input-form';
import { McpServerDialog } from '@/settings/mcp-server-dialog';
import { Button } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { CopyButton } from '@/ui/copy-button';
import { Field, TextArea, TextInput } from '@/ui/field';
import form from '@/ui/form.module.css';
import { useFormDraft } from '@/ui/form-drafts';
import { Badge, Empty, InlineError, LoadError, Skeleton } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import styles from './mcp-tab.module.css';

export const MCP_FORM = 'mcp-form';

const LONGEST_NAME = 64;
const TOOL_NAME = /^[a-z0-9_]+$/;
const TEXT_INPUT: InputField = { name: 'input', type: 'string', description: 'Input of the workflow.' };

/** Form that publishes the workflow as a tool of MCP servers. */
export function McpTab({ workflow }: { workflow: WorkflowRow }) {
  const deployment = useDeployment(workflow.id);
  const live = useVersionState(workflow.id, deployment.data?.activeDeployment?.version ?? null);
  const servers = useMcpServers();
  if (deployment.data && !deployment.data.isDeployed) {
    return <Empty title="Not deployed yet">Deploy the workflow to offer it as a tool.</Empty>;
  }
  if (servers.isLoadingError) return <LoadError error={servers.error} onRetry={servers.refetch} />;
  if (live.isLoadingError) return <LoadError error={live.error} onRetry={live.refetch} />;
  if (servers.isPending || live.isPending) return <Skeleton rows={4} height="4rem" />;
  if (!servers.data.length) return <NoServer />;
  const fields = inputFields(live.data);
  return <ToolForm workflow={workflow} servers={servers.data} fields={fields.length ? fields : [TEXT_INPUT]} />;
}

function NoServer() {
  const { workspace } = useSignedIn();
  const [isCreating, setCreating] = useState(false);
  const isAdmin = can(workspace.role, 'admin');
  return (
    <>
      <Empty icon={<Blocks size={22} aria-hidden />} title="No MCP servers">
        <p>An MCP server offers workflows as tools, at a URL that agents connect to.</p>
        {!isAdmin && <p>Ask a workspace admin to create one.</p>}
      </Empty>
      {isAdmin && (
        <div className={styles.create}>
          <Button variant="primary" icon={<Plus size={16} aria-hidden />} onClick={() => setCreating(true)}>
            Create server
          </Button>
        </div>
      )}
      {isCreating && <McpServerDialog server={null} onClose={() => setCreating(false)} />}
    </>
  );
}

interface FormProps {
  workflow: WorkflowRow;
  servers: readonly McpServer[];
  fields: readonly InputField[];
}

function ToolForm({ workflow, servers, fields }: FormProps) {
  const { notify } = useToasts();
  const save = useSaveTool(workflow.id, servers);
  const [isSubmitted, setSubmitted] = useState(false);
  const existing = servers.map((server) => toolOf(server, workflow.id)).find(Boolean);
  const {
    fields: written,
    update,
    markSaved,
  } = useFormDraft('mcp', {
    name: existing?.toolName ?? usualName(workflow.name),
    description: existing?.toolDescription ?? workflow.description,
    notes: existing?.parameterDescriptions ?? ({} as Record<string, string>),
    chosen: serversOf(workflow.id, servers),
  });
  const { name, description, notes, chosen } = written;
  const problem = nameProblem(name);
  // Tools are stored by server: without a server there is nowhere to save the input.
  const isOffered = servers.some(({ id }) => chosen.has(id));
  const isNowhere = !existing && !isOffered;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setSubmitted(true);
    if (problem || isNowhere) return;
    const settings = { toolName: name, toolDescription: description.trim(), parameterDescriptions: notes };
    try {
      await save.mutateAsync({ settings, chosen });
      markSaved(written);
      notify(isOffered ? 'Tool saved.' : 'Tool removed from all servers.');
    } catch {
      // The form shows save.error.
    }
  };

  return (
    <form id={MCP_FORM} className={classNames(form.form, styles.form)} onSubmit={(event) => void submit(event)}>
      <Field label="Tool name" required error={problem} hint="The name agents use to call the tool.">
        {(control) => (
          <TextInput
            {...control}
            required
            maxLength={LONGEST_NAME}
            placeholder="e.g. book_flight"
            value={name}
            onChange={(event) => update({ name: event.target.value })}
          />
        )}
      </Field>
      <Field label="Description" hint="Agents use it to decide when to call the tool.">
        {(control) => (
          <TextArea
            {...control}
            rows={3}
            maxLength={2000}
            placeholder="What the tool does and when to use it"
            value={description}
            onChange={(event) => update({ description: event.target.value })}
          />
        )}
      </Field>
      <fieldset className={form.part}>
        <legend className={form.label}>Parameters</legend>
        {fields.map((field) => (
          <Field key={field.name} label={`${field.name} (${field.type})`}>
            {(control) => (
              <TextInput
                {...control}
                maxLength={2000}
                placeholder={field.description || 'Describe this parameter'}
                value={notes[field.name] ?? ''}
                onChange={(event) => update({ notes: { ...notes, [field.name]: event.target.value } })}
              />
            )}
          </Field>
        ))}
      </fieldset>
      <fieldset className={form.part}>
        <legend className={form.label}>Servers</legend>
        <ul className={styles.servers}>
          {servers.map((server) => (
            <ServerCheckbox
              key={server.id}
              server={server}
              checked={chosen.has(server.id)}
              onChange={(on) => update({ chosen: changed(chosen, server.id, on) })}
            />
          ))}
        </ul>
        {isSubmitted && isNowhere && <InlineError error="Select at least one server." />}
      </fieldset>
      <InlineError error={save.error} />
    </form>
  );
}

interface ChoiceProps {
  server: McpServer;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

function ServerCheckbox({ server, checked, onChange }: ChoiceProps) {
  return (
    <li className={styles.server}>
      <label className={styles.choice}>
        <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} />
        <span className={styles.name}>
          {server.name}
          {server.isPublic && <Badge tone="amber">Public</Badge>}
        </span>
        <code className={styles.url}>{server.url}</code>
      </label>
      <CopyButton text={server.url} label={`Copy the URL of ${server.name}`} />
    </li>
  );
}

/** `Answer a Question!` becomes `answer_a_question`. */
function usualName(workflowName: string): string {
  const words = workflowName.toLowerCase().match(/[a-z0-9]+/g) ?? ['workflow'];
  return words.join('_').slice(0, LONGEST_NAME).replace(/_$/, '');
}

function nameProblem(name: string): string | null {
  return !name || TOOL_NAME.test(name) ? null : 'Use lowercase letters, digits and underscores only.';
}

function serversOf(workflowId: string, servers: readonly McpServer[]): ReadonlySet<string> {
  return new Set(servers.filter((server) => toolOf(server, workflowId)).map((server) => server.id));
}

function changed(chosen: ReadonlySet<string>, id: string, on: boolean): ReadonlySet<string> {
  const next = new Set(chosen);
  if (on) next.add(id);
  else next.delete(id);
  return next;
}
