import { useIsMutating, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { send } from './client';
import { workflowKeys } from './workflows';

export type ChatAccess = 'public' | 'password' | 'email';

export interface ChatOutput {
  blockId: string;
  path: string;
}

interface ChatAppearance {
  welcomeMessage: string | null;
  primaryColor?: string | null;
  imageUrl?: string | null;
}

export interface Chat {
  id: string;
  identifier: string;
  title: string;
  chatUrl: string;
  authType: ChatAccess;
  hasPassword: boolean;
  allowedEmails: string[];
  customizations: ChatAppearance;
  outputConfigs: ChatOutput[];
}

export interface ChatSettings {
  identifier: string;
  title: string;
  authType: ChatAccess;
  password?: string;
  allowedEmails?: string[];
  /** Replaced as a whole: fields left out are removed. */
  customizations: ChatAppearance;
  outputConfigs: ChatOutput[];
}

interface ChatStatus {
  /** Null if the workflow has no chat. */
  deployment: Chat | null;
  /** Whether the gateway can email sign-in codes. */
  canMail: boolean;
}

/** Load the chat of a workflow and the available options. */
export function useChat(workflowId: string) {
  return useQuery({
    queryKey: [...workflowKeys.one(workflowId), 'chat'],
    queryFn: () => send<ChatStatus>('GET', `/api/workflows/${workflowId}/chat/status`),
  });
}

/** Check whether a chat URL is available, and if not, why. */
export function useAvailability(identifier: string, own: string | undefined) {
  return useQuery({
    queryKey: ['chat-address', identifier],
    enabled: identifier !== '' && identifier !== own,
    queryFn: () =>
      send<{ available: boolean; error?: string }>('GET', `/api/chat/validate?${new URLSearchParams({ identifier })}`),
  });
}

const saveKey = (workflowId: string) => ['save-chat', workflowId];

function useChatChange<Variables>(
  workflowId: string,
  change: (variables: Variables) => Promise<unknown>,
  mutationKey?: readonly string[],
) {
  const client = useQueryClient();
  return useMutation({
    mutationKey,
    mutationFn: change,
    onSettled: () => client.invalidateQueries({ queryKey: workflowKeys.one(workflowId) }),
  });
}

/** Create the chat, or update the given fields of an existing one. */
export function useSaveChat(workflowId: string, chat: Chat | null) {
  return useChatChange(
    workflowId,
    (settings: Partial<ChatSettings>) =>
      chat
        ? send('PATCH', `/api/chat/manage/${chat.id}`, settings)
        : send('POST', '/api/chat', { ...settings, workflowId }),
    saveKey(workflowId),
  );
}

export function useIsSavingChat(workflowId: string): boolean {
  return useIsMutating({ mutationKey: saveKey(workflowId) }) > 0;
}

export function useDeleteChat(workflowId: string) {
  return useChatChange(workflowId, (id: string) => send('DELETE', `/api/chat/manage/${id}`));
}
