import { Blocks, Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useVersionState } from '@/api/deployments';
import { can, useSignedIn } from '@/api/session';
import { type ToolServer, toolOf, useSaveTool, useToolServers } from '@/api/tool-servers';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { type InputField, inputFields } from '@/editor/input-form';
import { ToolServerDialog } from '@/settings/tool-server-dialog';
import { Button } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { CopyButton } from '@/ui/copy-button';
import { Field, TextArea, TextInput } from '@/ui/field';
import form from '@/ui/form.module.css';
import { Badge, Empty, Failure, Problem, Skeleton } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import { useWritten } from '@/ui/written';
import styles from './mcp-tab.module.css';

export const MCP_FORM = 'mcp-form';

const LONGEST_NAME = 64;
const TOOL_NAME = /^[a-z0-9_]+$/;
const TEXT_INPUT: InputField = { name: 'input', type: 'string', description: 'Whatever the workflow is to work on.' };

/** Offers the workflow to other people's agents, as a tool of MCP servers. */
export function McpTab({ workflow }: { workflow: WorkflowRow }) {
  const deployment = useDeployment(workflow.id);
  const live = useVersionState(workflow.id, deployment.data?.activeDeployment?.version ?? null);
  const servers = useToolServers();
  if (deployment.data && !deployment.data.isDeployed) {
    return <Empty title="Not deployed yet">Deploy the workflow, and agents can be given it as a tool here.</Empty>;
  }
  if (servers.isLoadingError) return <Failure error={servers.error} onRetry={servers.refetch} />;
  if (live.isLoadingError) return <Failure error={live.error} onRetry={live.refetch} />;
  if (servers.isPending || live.isPending) return <Skeleton rows={4} height="4rem" />;
  if (!servers.data.length) return <NoServer />;
  const fields = inputFields(live.data);
  return <ToolForm workflow={workflow} servers={servers.data} fields={fields.length ? fields : [TEXT_INPUT]} />;
}

function NoServer() {
  const { workspace } = useSignedIn();
  const [making, setMaking] = useState(false);
  const isAdmin = can(workspace.role, 'admin');
  return (
    <>
      <Empty icon={<Blocks size={22} aria-hidden />} title="No MCP server yet">
        <p>A server offers some of your workflows as tools, at an address that agents connect to.</p>
        {!isAdmin && <p>An admin of the workspace can create one.</p>}
      </Empty>
      {isAdmin && (
        <div className={styles.create}>
          <Button look="primary" icon={<Plus size={16} aria-hidden />} onClick={() => setMaking(true)}>
            Create server
          </Button>
        </div>
      )}
      {making && <ToolServerDialog server={null} onClose={() => setMaking(false)} />}
    </>
  );
}

interface FormProps {
  workflow: WorkflowRow;
  servers: readonly ToolServer[];
  fields: readonly InputField[];
}

function ToolForm({ workflow, servers, fields }: FormProps) {
  const { say } = useToasts();
  const save = useSaveTool(workflow.id, servers);
  const [asked, setAsked] = useState(false);
  const present = servers.map((server) => toolOf(server, workflow.id)).find(Boolean);
  const {
    fields: written,
    write,
    settle,
  } = useWritten('mcp', {
    name: present?.toolName ?? usualName(workflow.name),
    description: present?.toolDescription ?? workflow.description,
    notes: present?.parameterDescriptions ?? ({} as Record<string, string>),
    chosen: serversOf(workflow.id, servers),
  });
  const { name, description, notes, chosen } = written;
  const problem = nameProblem(name);
  // A tool is kept by its servers: what is written would be gone.
  const isOffered = servers.some(({ id }) => chosen.has(id));
  const isNowhere = !present && !isOffered;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setAsked(true);
    if (problem || isNowhere) return;
    const wish = { toolName: name, toolDescription: description.trim(), parameterDescriptions: notes };
    try {
      await save.mutateAsync({ wish, chosen });
      settle(written);
      say(isOffered ? 'The tool is saved.' : 'The workflow is no tool any more.');
    } catch {
      // shown below
    }
  };

  return (
    <form id={MCP_FORM} className={classNames(form.form, styles.form)} onSubmit={(event) => void submit(event)}>
      <Field label="Tool name" required error={problem} hint="What agents call it by.">
        {(control) => (
          <TextInput
            {...control}
            required
            maxLength={LONGEST_NAME}
            placeholder="e.g. book_flight"
            value={name}
            onChange={(event) => write({ name: event.target.value })}
          />
        )}
      </Field>
      <Field label="Description" hint="Agents decide by it when to use the tool.">
        {(control) => (
          <TextArea
            {...control}
            rows={3}
            maxLength={2000}
            placeholder="What the tool does, and when it is of use"
            value={description}
            onChange={(event) => write({ description: event.target.value })}
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
                placeholder={field.description || 'What agents put here'}
                value={notes[field.name] ?? ''}
                onChange={(event) => write({ notes: { ...notes, [field.name]: event.target.value } })}
              />
            )}
          </Field>
        ))}
      </fieldset>
      <fieldset className={form.part}>
        <legend className={form.label}>Servers</legend>
        <ul className={styles.servers}>
          {servers.map((server) => (
            <ServerChoice
              key={server.id}
              server={server}
              checked={chosen.has(server.id)}
              onChange={(on) => write({ chosen: changed(chosen, server.id, on) })}
            />
          ))}
        </ul>
        {asked && isNowhere && <Problem error="Choose the servers that offer it." />}
      </fieldset>
      <Problem error={save.error} />
    </form>
  );
}

interface ChoiceProps {
  server: ToolServer;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

function ServerChoice({ server, checked, onChange }: ChoiceProps) {
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
      <CopyButton text={server.url} label={`Copy the address of ${server.name}`} />
    </li>
  );
}

/** `Answer a Question!` becomes `answer_a_question`. */
function usualName(workflowName: string): string {
  const words = workflowName.toLowerCase().match(/[a-z0-9]+/g) ?? ['workflow'];
  return words.join('_').slice(0, LONGEST_NAME).replace(/_$/, '');
}

function nameProblem(name: string): string | null {
  return !name || TOOL_NAME.test(name) ? null : 'Small letters, digits and underscores only.';
}

function serversOf(workflowId: string, servers: readonly ToolServer[]): ReadonlySet<string> {
  return new Set(servers.filter((server) => toolOf(server, workflowId)).map((server) => server.id));
}

function changed(chosen: ReadonlySet<string>, id: string, on: boolean): ReadonlySet<string> {
  const next = new Set(chosen);
  if (on) next.add(id);
  else next.delete(id);
  return next;
}
