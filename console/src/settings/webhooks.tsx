import { Plus, Webhook as WebhookIcon } from 'lucide-react';
import { useState } from 'react';
import { can, useSignedIn } from '@/api/session';
import {
  type Level,
  type TestResult,
  useCreateWebhook,
  useDeleteWebhook,
  useDeliveries,
  useResend,
  useTestWebhook,
  useWebhooks,
  type Webhook,
} from '@/api/webhooks';
import { useWorkflows } from '@/api/workflows';
import { count, formatAgo, formatDate } from '@/app/format';
import { Switch } from '@/panel/switch';
import { ActionTable } from '@/ui/action-table';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { Field, Select, TextInput } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';
import { Badge, Empty, LoadError, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { useToasts } from '@/ui/toasts';
import { useNow } from '@/ui/use-now';
import { Section } from './section';

const TONES: Record<string, 'green' | 'red' | 'quiet'> = { delivered: 'green', failed: 'red' };

export function WebhooksSection() {
  const { workspace } = useSignedIn();
  const [isCreating, setCreating] = useState(false);
  const isAdmin = can(workspace.role, 'admin');
  return (
    <>
      <Section
        title="Webhooks"
        about="Receive a request when a run ends. Deliveries are signed, and retried if they fail."
        action={
          isAdmin && (
            <Button variant="primary" icon={<Plus size={16} aria-hidden />} onClick={() => setCreating(true)}>
              Add webhook
            </Button>
          )
        }
      >
        <Webhooks isAdmin={isAdmin} />
      </Section>
      <Deliveries isAdmin={isAdmin} />
      {isCreating && <WebhookDialog onClose={() => setCreating(false)} />}
    </>
  );
}

function Webhooks({ isAdmin }: { isAdmin: boolean }) {
  const webhooks = useWebhooks();
  if (webhooks.isPending) return <Skeleton rows={2} />;
  if (webhooks.isLoadingError) return <LoadError error={webhooks.error} onRetry={webhooks.refetch} />;
  if (!webhooks.data.length) {
    return (
      <Empty icon={<WebhookIcon size={22} aria-hidden />} title="No webhooks">
        Add a webhook to be notified when runs end.
      </Empty>
    );
  }
  return (
    <ActionTable label="Webhook table" columns={['URL', 'Events', 'Status']}>
      {webhooks.data.map((webhook) => (
        <Row key={webhook.id} webhook={webhook} isAdmin={isAdmin} />
      ))}
    </ActionTable>
  );
}

function Row({ webhook, isAdmin }: { webhook: Webhook; isAdmin: boolean }) {
  const { notify, fail } = useToasts();
  const test = useTestWebhook();
  const remove = useDeleteWebhook();
  const [isConfirming, setConfirming] = useState(false);
  const { url } = webhook.webhookConfig;
  const scope = webhook.allWorkflows ? 'all workflows' : count(webhook.workflowIds.length, 'workflow');
  return (
    <tr>
      <td>
        <code>{url}</code>
      </td>
      <td className={table.quiet}>
        {webhook.levelFilter.length === 1 && webhook.levelFilter[0] === 'error' ? 'Failed runs of ' : 'All runs of '}
        {scope}
      </td>
      <td>
        {webhook.failingSince ? (
          <Badge tone="red">Failing since {formatDate(webhook.failingSince)}</Badge>
        ) : (
          <Badge tone={webhook.active ? 'green' : 'quiet'}>{webhook.active ? 'Active' : 'Inactive'}</Badge>
        )}
      </td>
      <td className={table.end}>
        {isAdmin && (
          <>
            <Button
              aria-label={`Test ${url}`}
              busy={test.isPending}
              onClick={() => test.mutate(webhook.id, { onSuccess: (result) => notify(outcome(result)), onError: fail })}
            >
              Test
            </Button>{' '}
            <Button aria-label={`Delete ${url}`} onClick={() => setConfirming(true)}>
              Delete
            </Button>
          </>
        )}
        <Confirm
          title="Delete this webhook?"
          question={`No more events will be sent to ${url}.`}
          action="Delete"
          busy={remove.isPending}
          open={isConfirming}
          onClose={() => setConfirming(false)}
          onConfirm={() => remove.mutate(webhook.id, { onError: fail, onSettled: () => setConfirming(false) })}
        />
      </td>
    </tr>
  );
}

function outcome({ success, status, statusText }: TestResult): string {
  return success ? `Test event delivered (status ${status}).` : `Test event failed: ${statusText}`;
}

/** Return a function that sends a test event and shows its outcome, also after the form has closed. */
function useSendTest(): (id: string) => void {
  const { notify, fail } = useToasts();
  const test = useTestWebhook();
  return (id) => void test.mutateAsync(id).then((result) => notify(outcome(result)), fail);
}

function Deliveries({ isAdmin }: { isAdmin: boolean }) {
  const { notify, fail } = useToasts();
  const deliveries = useDeliveries();
  useNow();
  const resend = useResend();
  if (!deliveries.data?.length) return null;
  return (
    <Section title="Recent deliveries">
      <ActionTable label="Delivery table" columns={['URL', 'Status', 'Attempts', 'Created']}>
        {deliveries.data.map((delivery) => (
          <tr key={delivery.id}>
            <td>
              <code>{delivery.url}</code>
            </td>
            <td>
              <Badge tone={TONES[delivery.status] ?? 'quiet'}>
                {delivery.status}
                {delivery.lastStatus ? ` · ${delivery.lastStatus}` : ''}
              </Badge>
            </td>
            <td className={table.quiet}>{delivery.attempts}</td>
            <td className={table.quiet}>{formatAgo(delivery.createdAt)}</td>
            <td className={table.end}>
              {isAdmin && (
                <Button
                  onClick={() =>
                    resend.mutate(delivery.id, { onSuccess: () => notify('Redelivery started.'), onError: fail })
                  }
                >
                  Redeliver
                </Button>
              )}
            </td>
          </tr>
        ))}
      </ActionTable>
    </Section>
  );
}

function WebhookDialog({ onClose }: { onClose: () => void }) {
  const create = useCreateWebhook();
  const sendTest = useSendTest();
  const workflows = useWorkflows();
  const [url, setUrl] = useState('');
  const [secret, setSecret] = useState('');
  const [workflow, setWorkflow] = useState('');
  const [levels, setLevels] = useState<'all' | 'error'>('all');
  const [isTested, setTested] = useState(true);
  const submit = () => {
    const levelFilter: Level[] = levels === 'all' ? ['info', 'error'] : ['error'];
    create.mutate(
      {
        workflowIds: workflow ? [workflow] : [],
        allWorkflows: !workflow,
        levelFilter,
        includeFinalOutput: true,
        webhookConfig: secret ? { url, secret } : { url },
      },
      {
        onSuccess: ({ data }) => {
          if (isTested) sendTest(data.id);
          onClose();
        },
      },
    );
  };
  return (
    <FormDialog
      title="Add webhook"
      help="webhooks"
      action="Add"
      disabled={!url}
      busy={create.isPending}
      error={create.error}
      onSubmit={submit}
      onClose={onClose}
    >
      <Field label="URL">
        {(control) => (
          <TextInput
            {...control}
            type="url"
            autoFocus
            required
            placeholder="https://example.com/hooks/flowport"
            value={url}
            onChange={(event) => setUrl(event.target.value)}
          />
        )}
      </Field>
      <Field label="Signing secret" hint="Used to sign deliveries, so that you can verify them.">
        {(control) => (
          <TextInput
            {...control}
            type="password"
            autoComplete="new-password"
            value={secret}
            onChange={(event) => setSecret(event.target.value)}
          />
        )}
      </Field>
      <Field label="Workflow">
        {(control) => (
          <Select {...control} value={workflow} onChange={(event) => setWorkflow(event.target.value)}>
            <option value="">All workflows, including new ones</option>
            {workflows.data?.map((row) => (
              <option key={row.id} value={row.id}>
                {row.name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Events">
        {(control) => (
          <Select {...control} value={levels} onChange={(event) => setLevels(event.target.value as 'all' | 'error')}>
            <option value="all">All runs</option>
            <option value="error">Failed runs</option>
          </Select>
        )}
      </Field>
      <Switch label="Send a test event" checked={isTested} disabled={false} onChange={setTested} />
    </FormDialog>
  );
}
