import { useIsMutating, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { send } from './client';
import { workflowKeys } from './workflows';

export type ChatAccess = 'public' | 'password' | 'email';

export interface ChatOutput {
  blockId: string;
  path: string;
}

export interface ChatLook {
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
  customizations: ChatLook;
  outputConfigs: ChatOutput[];
}

export interface ChatWish {
  identifier: string;
  title: string;
  authType: ChatAccess;
  password?: string;
  allowedEmails?: string[];
  /** All of it: what is left out is gone. */
  customizations: ChatLook;
  outputConfigs: ChatOutput[];
}

interface ChatStatus {
  /** Null where the workflow has no chat. */
  deployment: Chat | null;
  /** Whether visitors can be mailed codes. */
  canMail: boolean;
}

/** The chat of a workflow, and what can be chosen for it. */
export function useChat(workflowId: string) {
  return useQuery({
    queryKey: [...workflowKeys.one(workflowId), 'chat'],
    queryFn: () => send<ChatStatus>('GET', `/api/workflows/${workflowId}/chat/status`),
  });
}

/** Whether an address is free, and why not. */
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

/** Publishes the chat, or changes of the one that there is what is named. */
export function useSaveChat(workflowId: string, chat: Chat | null) {
  return useChatChange(
    workflowId,
    (wish: Partial<ChatWish>) =>
      chat ? send('PATCH', `/api/chat/manage/${chat.id}`, wish) : send('POST', '/api/chat', { ...wish, workflowId }),
    saveKey(workflowId),
  );
}

export function useIsSavingChat(workflowId: string): boolean {
  return useIsMutating({ mutationKey: saveKey(workflowId) }) > 0;
}

export function useDeleteChat(workflowId: string) {
  return useChatChange(workflowId, (id: string) => send('DELETE', `/api/chat/manage/${id}`));
}
