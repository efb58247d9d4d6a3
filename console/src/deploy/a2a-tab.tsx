import type { FormEvent } from 'react';
import { type Agent, type AgentSettings, useAgent, useSaveAgent } from '@/api/agent';
import { changedFields } from '@/api/changed-fields';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { classNames } from '@/ui/class-names';
import { CopyButton } from '@/ui/copy-button';
import { Field, TextArea, TextInput } from '@/ui/field';
import form from '@/ui/form.module.css';
import { useFormDraft } from '@/ui/form-drafts';
import { SegmentedControl } from '@/ui/segmented-control';
import { Badge, Empty, InlineError, LoadError, Skeleton } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import styles from './a2a-tab.module.css';
import { SampleBlock } from './sample-block';

export const A2A_FORM = 'a2a-form';

const ACCESS = [
  ['key', 'API Key'],
  ['public', 'Public'],
] as const;

/** Id of the default skill, which has the agent's name, description and tags. */
const WHOLE = 'run';

/** Form that publishes the workflow as an A2A agent. */
export function A2aTab({ workflow }: { workflow: WorkflowRow }) {
  const deployment = useDeployment(workflow.id);
  const agent = useAgent(workflow.id);
  if (deployment.data && !deployment.data.isDeployed) {
    return <Empty title="Not deployed yet">Deploy the workflow to publish it as an agent.</Empty>;
  }
  if (agent.isLoadingError) return <LoadError error={agent.error} onRetry={agent.refetch} />;
  if (deployment.isLoadingError) return <LoadError error={deployment.error} onRetry={deployment.refetch} />;
  if (agent.isPending || deployment.isPending) return <Skeleton rows={4} height="4rem" />;
  return (
    <div className={styles.tab}>
      {agent.data && <Address agent={agent.data} />}
      <AgentForm workflow={workflow} agent={agent.data} isPublic={deployment.data.isPublicApi ?? false} />
      {agent.data && <SampleBlock title="Send a message" code={sampleOf(agent.data)} />}
    </div>
  );
}

function Address({ agent }: { agent: Agent }) {
  return (
    <section className={styles.address} aria-label="Agent card">
      <div className={styles.what}>
        <h3>Agent card</h3>
        <Badge tone={agent.isPublished ? 'green' : 'quiet'}>{agent.isPublished ? 'Published' : 'Not published'}</Badge>
      </div>
      <div className={styles.card}>
        <code className={styles.url}>{agent.cardUrl}</code>
        <CopyButton text={agent.cardUrl} label="Copy agent card URL" />
      </div>
    </section>
  );
}

interface FormProps {
  workflow: WorkflowRow;
  agent: Agent | null;
  isPublic: boolean;
}

function AgentForm({ workflow, agent, isPublic }: FormProps) {
  const { notify } = useToasts();
  const save = useSaveAgent(workflow.id, agent);
  const about = useFormDraft('a2a', {
    name: agent?.name ?? workflow.name,
    description: agent?.description ?? workflow.description,
    tags: agent?.skills[0]?.tags.join(', ') ?? '',
  });
  // The API tab changes the access as well. The key drops unsaved input that is based on an older value.
  const callers = useFormDraft(`a2a ${isPublic}`, { access: isPublic ? ('public' as const) : ('key' as const) });
  const { update } = about;
  const { name, description, tags } = about.fields;
  const { access } = callers.fields;
  const hasCustomSkills = agent?.skills.some(({ id, examples }) => id !== WHOLE || examples.length > 0) ?? false;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const settings = { name: name.trim(), description: description.trim(), isPublic: access === 'public' };
    const skills = hasCustomSkills ? {} : { skills: skillOf(settings, tags) };
    const changes = { ...settings, ...skills };
    try {
      await save.mutateAsync(agent ? changedFields<AgentSettings>({ ...agent, isPublic }, changes) : changes);
      about.markSaved(about.fields);
      callers.markSaved(callers.fields);
      notify(agent ? 'Agent updated.' : 'Agent published.');
    } catch {
      // The form shows save.error.
    }
  };

  return (
    <form id={A2A_FORM} className={classNames(form.form, styles.form)} onSubmit={(event) => void submit(event)}>
      <Field label="Agent name" required>
        {(control) => (
          <TextInput
            {...control}
            required
            maxLength={200}
            value={name}
            onChange={(event) => update({ name: event.target.value })}
          />
        )}
      </Field>
      <Field label="Description" hint="Other agents use it to decide when to call this one.">
        {(control) => (
          <TextArea
            {...control}
            rows={3}
            maxLength={2000}
            placeholder="What the agent does and when to use it"
            value={description}
            onChange={(event) => update({ description: event.target.value })}
          />
        )}
      </Field>
      <Field
        label="Tags"
        hint={hasCustomSkills ? 'This agent’s skills are managed through the API.' : 'Separate tags with commas.'}
      >
        {(control) => (
          <TextInput
            {...control}
            disabled={hasCustomSkills}
            placeholder="e.g. writing, research"
            value={tags}
            onChange={(event) => update({ tags: event.target.value })}
          />
        )}
      </Field>
      <div className={form.part}>
        <span className={form.label}>Access</span>
        <SegmentedControl
          label="Access"
          value={access}
          options={ACCESS}
          onChange={(access) => callers.update({ access })}
        />
        <p className={form.hint}>
          {access === 'key'
            ? 'Requires a valid API key, like the workflow’s API.'
            : 'Anyone with the URL can call the agent and the workflow’s API. Usage is charged to this workspace.'}
        </p>
      </div>
      <InlineError error={save.error} />
    </form>
  );
}

/** Return the default skill with these tags. Without tags the server generates it. */
function skillOf({ name, description }: { name: string; description: string }, tags: string): Agent['skills'] {
  const named = tags
    .split(',')
    .map((tag) => tag.trim())
    .filter(Boolean);
  return named.length ? [{ id: WHOLE, name, description, tags: named, examples: [] }] : [];
}

function sampleOf(agent: Agent): string {
  const message = { messageId: 'message-1', role: 'ROLE_USER', parts: [{ text: 'Hello' }] };
  const call = { jsonrpc: '2.0', id: 1, method: 'SendMessage', params: { message } };
  return [
    `curl -X POST ${agent.url}`,
    ...(agent.isPublic ? [] : ['-H "X-API-Key: $SIM_API_KEY"']),
    '-H "A2A-Version: 1.0"',
    '-H "Content-Type: application/json"',
    `-d '${JSON.stringify(call)}'`,
  ].join(' \\\n  ');
}
