import type { FormEvent } from 'react';
import { type Agent, type AgentWish, useAgent, useSaveAgent } from '@/api/agent';
import { differing } from '@/api/differing';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { classNames } from '@/ui/class-names';
import { CopyButton } from '@/ui/copy-button';
import { Field, TextArea, TextInput } from '@/ui/field';
import form from '@/ui/form.module.css';
import { Segments } from '@/ui/segments';
import { Badge, Empty, Failure, Problem, Skeleton } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import { useWritten } from '@/ui/written';
import styles from './a2a-tab.module.css';
import { SampleBlock } from './sample-block';

export const A2A_FORM = 'a2a-form';

const ACCESS = [
  ['key', 'API Key'],
  ['public', 'Public'],
] as const;

/** The skill that is made of the agent's own name, description and tags. */
const WHOLE = 'run';

/** Publishes the workflow as an agent that other people's agents find and give tasks to. */
export function A2aTab({ workflow }: { workflow: WorkflowRow }) {
  const deployment = useDeployment(workflow.id);
  const agent = useAgent(workflow.id);
  if (deployment.data && !deployment.data.isDeployed) {
    return <Empty title="Not deployed yet">Deploy the workflow, and it can be an agent here.</Empty>;
  }
  if (agent.isLoadingError) return <Failure error={agent.error} onRetry={agent.refetch} />;
  if (deployment.isLoadingError) return <Failure error={deployment.error} onRetry={deployment.refetch} />;
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
        <CopyButton text={agent.cardUrl} label="Copy the address of the agent card" />
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
  const { say } = useToasts();
  const save = useSaveAgent(workflow.id, agent);
  const about = useWritten('a2a', {
    name: agent?.name ?? workflow.name,
    description: agent?.description ?? workflow.description,
    tags: agent?.skills[0]?.tags.join(', ') ?? '',
  });
  // Who may call is decided on the API tab, too: an older choice is not kept here to be saved again.
  const callers = useWritten(`a2a ${isPublic}`, { access: isPublic ? ('public' as const) : ('key' as const) });
  const { write } = about;
  const { name, description, tags } = about.fields;
  const { access } = callers.fields;
  const hasSkillsOfItsOwn = agent?.skills.some(({ id, examples }) => id !== WHOLE || examples.length > 0) ?? false;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const wish = { name: name.trim(), description: description.trim(), isPublic: access === 'public' };
    const skills = hasSkillsOfItsOwn ? {} : { skills: skillOf(wish, tags) };
    const asked = { ...wish, ...skills };
    try {
      await save.mutateAsync(agent ? differing<AgentWish>({ ...agent, isPublic }, asked) : asked);
      about.settle(about.fields);
      callers.settle(callers.fields);
      say(agent ? 'The agent is updated.' : 'The agent is published.');
    } catch {
      // shown below
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
            onChange={(event) => write({ name: event.target.value })}
          />
        )}
      </Field>
      <Field label="Description" hint="Other agents decide by it what to ask this one.">
        {(control) => (
          <TextArea
            {...control}
            rows={3}
            maxLength={2000}
            placeholder="What the agent does, and when it is of use"
            value={description}
            onChange={(event) => write({ description: event.target.value })}
          />
        )}
      </Field>
      <Field
        label="Tags"
        hint={hasSkillsOfItsOwn ? 'The skills of this agent are set by API.' : 'Separated by commas.'}
      >
        {(control) => (
          <TextInput
            {...control}
            disabled={hasSkillsOfItsOwn}
            placeholder="e.g. writing, research"
            value={tags}
            onChange={(event) => write({ tags: event.target.value })}
          />
        )}
      </Field>
      <div className={form.part}>
        <span className={form.label}>Access</span>
        <Segments label="Access" value={access} options={ACCESS} onChange={(access) => callers.write({ access })} />
        <p className={form.hint}>
          {access === 'key'
            ? 'Requires a valid API key, as the API of the workflow does.'
            : 'Anyone with the URL can call the agent, and the API of the workflow. What it spends is yours.'}
        </p>
      </div>
      <Problem error={save.error} />
    </form>
  );
}

/** The workflow as a whole, with these tags; the card says the same by itself where there are none. */
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
