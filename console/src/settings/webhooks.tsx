import { Plus, Webhook as WebhookIcon } from 'lucide-react';
import { useState } from 'react';
import { can, useSignedIn } from '@/api/session';
import {
  type Level,
  useDeleteWebhook,
  useDeliveries,
  useMakeWebhook,
  useResend,
  useTestWebhook,
  useWebhooks,
  type Webhook,
} from '@/api/webhooks';
import { useWorkflows } from '@/api/workflows';
import { ago, count } from '@/app/format';
import { ActionTable } from '@/ui/action-table';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { Field, Select, TextInput } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';
import { Badge, Empty, Failure, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { useToasts } from '@/ui/toasts';
import { useNow } from '@/ui/use-now';
import { Section } from './section';

const TONES: Record<string, 'green' | 'red' | 'quiet'> = { delivered: 'green', failed: 'red' };

export function WebhooksSection() {
  const { workspace } = useSignedIn();
  const [making, setMaking] = useState(false);
  const isAdmin = can(workspace.role, 'admin');
  return (
    <>
      <Section
        title="Webhooks"
        about="Your address is called when runs end. Deliveries are signed, and tried again when they fail."
        action={
          isAdmin && (
            <Button look="primary" icon={<Plus size={16} aria-hidden />} onClick={() => setMaking(true)}>
              Add webhook
            </Button>
          )
        }
      >
        <Webhooks isAdmin={isAdmin} />
      </Section>
      <Deliveries isAdmin={isAdmin} />
      {making && <WebhookDialog onClose={() => setMaking(false)} />}
    </>
  );
}

function Webhooks({ isAdmin }: { isAdmin: boolean }) {
  const webhooks = useWebhooks();
  if (webhooks.isPending) return <Skeleton rows={2} />;
  if (webhooks.isLoadingError) return <Failure error={webhooks.error} onRetry={webhooks.refetch} />;
  if (!webhooks.data.length) return <Empty icon={<WebhookIcon size={22} aria-hidden />} title="No webhooks yet" />;
  return (
    <ActionTable label="Webhook table" columns={['Address', 'Told about', 'State']}>
      {webhooks.data.map((webhook) => (
        <Row key={webhook.id} webhook={webhook} isAdmin={isAdmin} />
      ))}
    </ActionTable>
  );
}

function Row({ webhook, isAdmin }: { webhook: Webhook; isAdmin: boolean }) {
  const { say, fail } = useToasts();
  const test = useTestWebhook();
  const remove = useDeleteWebhook();
  const [asked, setAsked] = useState(false);
  const { url } = webhook.webhookConfig;
  const told = webhook.allWorkflows ? 'all workflows' : count(webhook.workflowIds.length, 'workflow');
  return (
    <tr>
      <td>
        <code>{url}</code>
      </td>
      <td className={table.quiet}>
        {webhook.levelFilter.length === 1 && webhook.levelFilter[0] === 'error' ? 'Failures of ' : 'Every run of '}
        {told}
      </td>
      <td>
        {webhook.failingSince ? (
          <Badge tone="red">Failing {ago(webhook.failingSince)}</Badge>
        ) : (
          <Badge tone={webhook.active ? 'green' : 'quiet'}>{webhook.active ? 'On' : 'Off'}</Badge>
        )}
      </td>
      <td className={table.end}>
        {isAdmin && (
          <>
            <Button
              aria-label={`Test ${url}`}
              busy={test.isPending}
              onClick={() =>
                test.mutate(webhook.id, {
                  onSuccess: (result) =>
                    say(result.success ? `It answered ${result.status}.` : `It did not work: ${result.statusText}`),
                  onError: fail,
                })
              }
            >
              Test
            </Button>{' '}
            <Button aria-label={`Delete ${url}`} onClick={() => setAsked(true)}>
              Delete
            </Button>
          </>
        )}
        <Confirm
          title="Delete this webhook?"
          question="Nothing is sent there any more."
          action="Delete"
          busy={remove.isPending}
          open={asked}
          onClose={() => setAsked(false)}
          onConfirm={() => remove.mutate(webhook.id, { onError: fail, onSettled: () => setAsked(false) })}
        />
      </td>
    </tr>
  );
}

function Deliveries({ isAdmin }: { isAdmin: boolean }) {
  const { say, fail } = useToasts();
  const deliveries = useDeliveries();
  useNow();
  const resend = useResend();
  if (!deliveries.data?.length) return null;
  return (
    <Section title="Last deliveries">
      <ActionTable label="Delivery table" columns={['Address', 'State', 'Tries', 'When']}>
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
            <td className={table.quiet}>{ago(delivery.createdAt)}</td>
            <td className={table.end}>
              {isAdmin && (
                <Button
                  onClick={() =>
                    resend.mutate(delivery.id, { onSuccess: () => say('It is sent again.'), onError: fail })
                  }
                >
                  Send again
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
  const make = useMakeWebhook();
  const workflows = useWorkflows();
  const [url, setUrl] = useState('');
  const [secret, setSecret] = useState('');
  const [workflow, setWorkflow] = useState('');
  const [levels, setLevels] = useState<'all' | 'error'>('all');
  const submit = () => {
    const levelFilter: Level[] = levels === 'all' ? ['info', 'error'] : ['error'];
    make.mutate(
      {
        workflowIds: workflow ? [workflow] : [],
        allWorkflows: !workflow,
        levelFilter,
        includeFinalOutput: true,
        webhookConfig: secret ? { url, secret } : { url },
      },
      { onSuccess: onClose },
    );
  };
  return (
    <FormDialog
      title="Add webhook"
      action="Add"
      disabled={!url}
      busy={make.isPending}
      error={make.error}
      onSubmit={submit}
      onClose={onClose}
    >
      <Field label="Address">
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
      <Field label="Signing secret" hint="Deliveries carry a signature made with it.">
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
            <option value="">All, those to come too</option>
            {workflows.data?.map((row) => (
              <option key={row.id} value={row.id}>
                {row.name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="When">
        {(control) => (
          <Select {...control} value={levels} onChange={(event) => setLevels(event.target.value as 'all' | 'error')}>
            <option value="all">A run ends</option>
            <option value="error">A run fails</option>
          </Select>
        )}
      </Field>
    </FormDialog>
  );
}
