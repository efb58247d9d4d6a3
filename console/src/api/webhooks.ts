import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { send } from './client';
import { useSignedIn } from './session';

export type Level = 'info' | 'error';

export interface Webhook {
  id: string;
  workflowIds: string[];
  allWorkflows: boolean;
  levelFilter: Level[];
  active: boolean;
  webhookConfig: { url: string; hasSecret: boolean };
  createdAt: string;
  failingSince: string | null;
}

interface WebhookSettings {
  workflowIds: string[];
  allWorkflows: boolean;
  levelFilter: Level[];
  includeFinalOutput: boolean;
  webhookConfig: { url: string; secret?: string };
}

export interface TestResult {
  success: boolean;
  status: number | null;
  statusText: string;
}

export interface Delivery {
  id: string;
  executionId: string;
  url: string;
  status: string;
  attempts: number;
  createdAt: string;
  lastStatus: number | null;
}

function usePath(): string {
  const { workspace } = useSignedIn();
  return `/api/workspaces/${workspace.id}`;
}

export function useWebhooks() {
  const path = usePath();
  return useQuery({
    queryKey: ['webhooks'],
    queryFn: () => send<{ data: Webhook[] }>('GET', `${path}/notifications`),
    select: (found) => found.data,
  });
}

export function useDeliveries() {
  const path = usePath();
  return useQuery({
    queryKey: ['webhooks', 'deliveries'],
    queryFn: () => send<{ data: Delivery[] }>('GET', `${path}/deliveries?limit=20`),
    select: (found) => found.data,
    refetchInterval: 10_000,
  });
}

function useChange<Variables, ResponseBody>(change: (path: string, variables: Variables) => Promise<ResponseBody>) {
  const client = useQueryClient();
  const path = usePath();
  return useMutation({
    mutationFn: (variables: Variables) => change(path, variables),
    onSettled: () => void client.invalidateQueries({ queryKey: ['webhooks'] }),
  });
}

export function useCreateWebhook() {
  return useChange((path, settings: WebhookSettings) =>
    send<{ data: Webhook }>('POST', `${path}/notifications`, settings),
  );
}

export function useDeleteWebhook() {
  return useChange((path, id: string) => send('DELETE', `${path}/notifications/${id}`));
}

/** Send a test event immediately. */
export function useTestWebhook() {
  return useChange(
    async (path, id: string) => (await send<{ data: TestResult }>('POST', `${path}/notifications/${id}/test`)).data,
  );
}

export function useResend() {
  return useChange((path, id: string) => send('POST', `${path}/deliveries/${id}/resend`));
}
