import { ExternalLink } from 'lucide-react';
import { type FormEvent, useDeferredValue } from 'react';
import {
  type Chat,
  type ChatAccess,
  type ChatOutput,
  type ChatWish,
  useAvailability,
  useChat,
  useSaveChat,
} from '@/api/chat';
import { differing } from '@/api/differing';
import { type SelectableBlock, useSamples } from '@/api/samples';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { classNames } from '@/ui/class-names';
import { Field, TextArea, TextInput } from '@/ui/field';
import form from '@/ui/form.module.css';
import { Segments } from '@/ui/segments';
import { Empty, Failure, Problem, Skeleton } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import { useWritten } from '@/ui/written';
import { OutputMenu } from './api-tab';
import styles from './chat-tab.module.css';

export const CHAT_FORM = 'chat-form';

const ACCESS = [
  ['public', 'Public'],
  ['password', 'Password'],
  ['email', 'Email'],
] as const;

const WHO: Record<ChatAccess, string> = {
  public: 'Everybody who has the link.',
  password: 'Everybody who knows the password.',
  email: 'Only the people below. Each of them gets a code by mail.',
};

const NO_MAIL =
  'No mail can be sent from here yet: the gateway needs FLOWPORT_SMTP_HOST and FLOWPORT_MAIL_FROM for this choice.';

const ADDRESS = /^[a-z0-9-]+$/;

/** Publishes the workflow at an address where people talk to it. */
export function ChatTab({ workflow }: { workflow: WorkflowRow }) {
  const status = useChat(workflow.id);
  const deployment = useDeployment(workflow.id);
  const samples = useSamples(workflow.id, null);
  if (deployment.data && !deployment.data.isDeployed) {
    return <Empty title="Not deployed yet">Deploy the workflow, and it can be talked to here.</Empty>;
  }
  if (status.isLoadingError) return <Failure error={status.error} onRetry={status.refetch} />;
  if (samples.isLoadingError) return <Failure error={samples.error} onRetry={samples.refetch} />;
  if (status.isPending || samples.isPending) return <Skeleton rows={4} height="4rem" />;
  const { deployment: chat, canMail } = status.data;
  return <ChatForm workflow={workflow} chat={chat} canMail={canMail} blocks={samples.data.outputs} />;
}

interface FormProps {
  workflow: WorkflowRow;
  chat: Chat | null;
  canMail: boolean;
  blocks: readonly SelectableBlock[];
}

function ChatForm({ workflow, chat, canMail, blocks }: FormProps) {
  const { say } = useToasts();
  const save = useSaveChat(workflow.id, chat);
  const { fields, write, settle } = useWritten('chat', {
    identifier: chat?.identifier ?? '',
    title: chat?.title ?? workflow.name,
    access: chat?.authType ?? 'public',
    password: '',
    allowed: chat?.allowedEmails.join('\n') ?? '',
    welcome: chat?.customizations.welcomeMessage ?? 'Hi there! How can I help?',
    outputs: chat?.outputConfigs ?? usualOutputs(blocks),
  });
  const { identifier, title, access, password, allowed, welcome, outputs } = fields;
  const address = useAvailability(useDeferredValue(identifier), chat?.identifier);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    try {
      const wish = {
        identifier,
        title: title.trim(),
        authType: access,
        ...(access === 'password' && password ? { password } : {}),
        ...(access === 'email' ? { allowedEmails: listed(allowed) } : {}),
        customizations: { ...chat?.customizations, welcomeMessage: welcome },
        outputConfigs: outputs,
      };
      // A password is taken where one is asked for, and nowhere else.
      const kind = 'password' in wish ? { authType: access } : {};
      await save.mutateAsync(chat ? { ...differing<ChatWish>(chat, wish), ...kind } : wish);
      settle(fields);
      say(chat ? 'The chat is updated.' : 'The chat is launched.');
    } catch {
      // shown below
    }
  };

  return (
    <form id={CHAT_FORM} className={classNames(form.form, styles.form)} onSubmit={(event) => void submit(event)}>
      {chat && (
        <p className={styles.live}>
          People talk to it at{' '}
          <a href={chat.chatUrl} target="_blank" rel="noreferrer">
            {chat.chatUrl} <ExternalLink size={13} aria-hidden />
          </a>
        </p>
      )}
      <Field
        label="URL"
        required
        hint={`${window.location.origin}/chat/${identifier || 'my-chat'}`}
        error={addressProblem(identifier, address.data)}
      >
        {(control) => (
          <TextInput
            {...control}
            required
            placeholder="my-chat"
            maxLength={100}
            value={identifier}
            onChange={(event) => write({ identifier: event.target.value.toLowerCase() })}
          />
        )}
      </Field>
      <Field label="Title" required>
        {(control) => (
          <TextInput
            {...control}
            required
            maxLength={100}
            value={title}
            onChange={(event) => write({ title: event.target.value })}
          />
        )}
      </Field>
      <div className={form.part}>
        <span className={form.label}>Output</span>
        <div>
          <OutputMenu
            blocks={blocks}
            selected={outputs.flatMap((output) => selectorOf(blocks, output))}
            onChange={(selected) => write({ outputs: selected.flatMap((selector) => outputOf(blocks, selector)) })}
          />
        </div>
      </div>
      <div className={form.part}>
        <span className={form.label}>Access control</span>
        <Segments label="Access control" value={access} options={ACCESS} onChange={(access) => write({ access })} />
        <span className={form.hint}>{WHO[access]}</span>
        {access === 'email' && !canMail && <Problem error={NO_MAIL} />}
      </div>
      {access === 'password' && (
        <Field label="Password" hint={chat?.hasPassword ? 'Leave it empty to keep the present one.' : undefined}>
          {(control) => (
            <TextInput
              {...control}
              type="password"
              autoComplete="new-password"
              required={!chat?.hasPassword}
              value={password}
              onChange={(event) => write({ password: event.target.value })}
            />
          )}
        </Field>
      )}
      {access === 'email' && (
        <Field label="Who may enter" required hint="Addresses, or @example.com for everybody there; one a line.">
          {(control) => (
            <TextArea
              {...control}
              required
              rows={3}
              spellCheck={false}
              placeholder={'ada@example.com\n@example.org'}
              value={allowed}
              onChange={(event) => write({ allowed: event.target.value })}
            />
          )}
        </Field>
      )}
      <Field label="Welcome message">
        {(control) => (
          <TextArea
            {...control}
            rows={2}
            maxLength={1000}
            value={welcome}
            onChange={(event) => write({ welcome: event.target.value })}
          />
        )}
      </Field>
      <Problem error={save.error} />
    </form>
  );
}

function addressProblem(identifier: string, found: { available: boolean; error?: string } | undefined): string | null {
  if (!identifier) return null;
  if (!ADDRESS.test(identifier)) return 'Small letters, digits and hyphens only.';
  return found && !found.available ? (found.error ?? 'This address is taken.') : null;
}

function listed(text: string): string[] {
  return text.split(/[\s,;]+/).filter(Boolean);
}

/** What an agent says is the answer, where there is one. */
function usualOutputs(blocks: readonly SelectableBlock[]): ChatOutput[] {
  const agent = blocks.find((block) => block.blockType === 'agent') ?? blocks.at(-1);
  const path = agent?.outputs.find((output) => output.path === 'content')?.path ?? agent?.outputs[0]?.path;
  return agent && path ? [{ blockId: agent.blockId, path }] : [];
}

function selectorOf(blocks: readonly SelectableBlock[], { blockId, path }: ChatOutput): string[] {
  const block = blocks.find((each) => each.blockId === blockId);
  const output = block?.outputs.find((each) => each.path === path);
  return output ? [output.selector] : [];
}

function outputOf(blocks: readonly SelectableBlock[], selector: string): ChatOutput[] {
  return blocks.flatMap(({ blockId, outputs }) =>
    outputs.filter((output) => output.selector === selector).map(({ path }) => ({ blockId, path })),
  );
}
