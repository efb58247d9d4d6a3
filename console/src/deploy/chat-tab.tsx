import { ExternalLink } from 'lucide-react';
import { type FormEvent, useDeferredValue } from 'react';
import { changedFields } from '@/api/changed-fields';
import {
  type Chat,
  type ChatAccess,
  type ChatOutput,
  type ChatSettings,
  useAvailability,
  useChat,
  useSaveChat,
} from '@/api/chat';
import { type SelectableBlock, useSamples } from '@/api/samples';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { classNames } from '@/ui/class-names';
import { Field, TextArea, TextInput } from '@/ui/field';
import form from '@/ui/form.module.css';
import { useFormDraft } from '@/ui/form-drafts';
import { SegmentedControl } from '@/ui/segmented-control';
import { Empty, InlineError, LoadError, Skeleton } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import { OutputMenu } from './api-tab';
import styles from './chat-tab.module.css';

export const CHAT_FORM = 'chat-form';

const ACCESS = [
  ['public', 'Public'],
  ['password', 'Password'],
  ['email', 'Email'],
] as const;

const WHO: Record<ChatAccess, string> = {
  public: 'Anyone with the link can chat.',
  password: 'Anyone with the password can chat.',
  email: 'Only the people below can chat. They sign in with a code sent by email.',
};

const NO_MAIL =
  'Email is not configured. Set FLOWPORT_SMTP_HOST and FLOWPORT_MAIL_FROM on the gateway to use this option.';

const ADDRESS = /^[a-z0-9-]+$/;

/** Form that publishes the workflow as a chat. */
export function ChatTab({ workflow }: { workflow: WorkflowRow }) {
  const status = useChat(workflow.id);
  const deployment = useDeployment(workflow.id);
  const samples = useSamples(workflow.id, null);
  if (deployment.data && !deployment.data.isDeployed) {
    return <Empty title="Not deployed yet">Deploy the workflow to publish it as a chat.</Empty>;
  }
  if (status.isLoadingError) return <LoadError error={status.error} onRetry={status.refetch} />;
  if (samples.isLoadingError) return <LoadError error={samples.error} onRetry={samples.refetch} />;
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
  const { notify } = useToasts();
  const save = useSaveChat(workflow.id, chat);
  const { fields, update, markSaved } = useFormDraft('chat', {
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
      const settings = {
        identifier,
        title: title.trim(),
        authType: access,
        ...(access === 'password' && password ? { password } : {}),
        ...(access === 'email' ? { allowedEmails: listed(allowed) } : {}),
        customizations: { ...chat?.customizations, welcomeMessage: welcome },
        outputConfigs: outputs,
      };
      // The API accepts a password only together with the access type.
      const kind = 'password' in settings ? { authType: access } : {};
      await save.mutateAsync(chat ? { ...changedFields<ChatSettings>(chat, settings), ...kind } : settings);
      markSaved(fields);
      notify(chat ? 'Chat updated.' : 'Chat launched.');
    } catch {
      // The form shows save.error.
    }
  };

  return (
    <form id={CHAT_FORM} className={classNames(form.form, styles.form)} onSubmit={(event) => void submit(event)}>
      {chat && (
        <p className={styles.live}>
          Live at{' '}
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
            onChange={(event) => update({ identifier: event.target.value.toLowerCase() })}
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
            onChange={(event) => update({ title: event.target.value })}
          />
        )}
      </Field>
      <div className={form.part}>
        <span className={form.label}>Output</span>
        <div>
          <OutputMenu
            blocks={blocks}
            selected={outputs.flatMap((output) => selectorOf(blocks, output))}
            onChange={(selected) => update({ outputs: selected.flatMap((selector) => outputOf(blocks, selector)) })}
          />
        </div>
      </div>
      <div className={form.part}>
        <span className={form.label}>Access control</span>
        <SegmentedControl
          label="Access control"
          value={access}
          options={ACCESS}
          onChange={(access) => update({ access })}
        />
        <span className={form.hint}>{WHO[access]}</span>
        {access === 'email' && !canMail && <InlineError error={NO_MAIL} />}
      </div>
      {access === 'password' && (
        <Field label="Password" hint={chat?.hasPassword ? 'Leave empty to keep the current password.' : undefined}>
          {(control) => (
            <TextInput
              {...control}
              type="password"
              autoComplete="new-password"
              required={!chat?.hasPassword}
              value={password}
              onChange={(event) => update({ password: event.target.value })}
            />
          )}
        </Field>
      )}
      {access === 'email' && (
        <Field label="Allowed emails" required hint="One email address or domain (@example.com) per line.">
          {(control) => (
            <TextArea
              {...control}
              required
              rows={3}
              spellCheck={false}
              placeholder={'ada@example.com\n@example.org'}
              value={allowed}
              onChange={(event) => update({ allowed: event.target.value })}
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
            onChange={(event) => update({ welcome: event.target.value })}
          />
        )}
      </Field>
      <InlineError error={save.error} />
    </form>
  );
}

function addressProblem(identifier: string, found: { available: boolean; error?: string } | undefined): string | null {
  if (!identifier) return null;
  if (!ADDRESS.test(identifier)) return 'Use lowercase letters, digits and hyphens only.';
  return found && !found.available ? (found.error ?? 'This URL is already taken.') : null;
}

function listed(text: string): string[] {
  return text.split(/[\s,;]+/).filter(Boolean);
}

/** Return the default outputs: the content of an agent block if there is one. */
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
