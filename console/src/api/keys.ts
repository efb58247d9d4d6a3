import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { send } from './client';
import { useSignedIn } from './session';

export type KeyKind = 'workspace' | 'personal';
export type KeyScope = 'execute' | 'read' | 'write' | 'deploy' | 'approve' | 'admin';

export interface KeyRow {
  id: string;
  name: string;
  displayKey: string;
  scopes: KeyScope[];
  workflowIds: string[] | null;
  createdAt: string;
  createdBy: string;
  lastUsed: string | null;
  expiresAt: string | null;
  rateLimit: number | null;
}

export interface NewKey extends KeyRow {
  key: string;
}

interface KeySettings {
  name: string;
  scopes: KeyScope[];
  expiresAt: string | null;
  rateLimit: number | null;
}

function useKeyPath(kind: KeyKind): string {
  const { workspace } = useSignedIn();
  return kind === 'personal' ? '/api/users/me/api-keys' : `/api/workspaces/${workspace.id}/api-keys`;
}

export function useKeys(kind: KeyKind, enabled = true) {
  const path = useKeyPath(kind);
  return useQuery({
    enabled,
    queryKey: ['keys', kind],
    queryFn: () => send<{ keys: KeyRow[] }>('GET', path),
    select: (found) => found.keys,
  });
}

/** Create a key. Only this response contains it in plain text. */
export function useCreateKey(kind: KeyKind) {
  const client = useQueryClient();
  const path = useKeyPath(kind);
  return useMutation({
    mutationFn: async (settings: KeySettings) => (await send<{ key: NewKey }>('POST', path, settings)).key,
    onSuccess: () => void client.invalidateQueries({ queryKey: ['keys'] }),
  });
}

/** Change the given fields of a key. */
export function useUpdateKey(kind: KeyKind) {
  const client = useQueryClient();
  const path = useKeyPath(kind);
  return useMutation({
    mutationFn: ({ id, settings }: { id: string; settings: Partial<Pick<KeySettings, 'name' | 'rateLimit'>> }) =>
      send('PUT', `${path}/${id}`, settings),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['keys'] }),
  });
}

/** Rotate a key. Only this response contains the new one in plain text. */
export function useRotateKey(kind: KeyKind) {
  const client = useQueryClient();
  const path = useKeyPath(kind);
  return useMutation({
    mutationFn: async ({ id, overlapSeconds }: { id: string; overlapSeconds: number }) =>
      (await send<{ key: NewKey }>('POST', `${path}/${id}/rotate`, { overlapSeconds })).key,
    onSuccess: () => void client.invalidateQueries({ queryKey: ['keys'] }),
  });
}

export function useRevokeKey(kind: KeyKind) {
  const client = useQueryClient();
  const path = useKeyPath(kind);
  return useMutation({
    mutationFn: (id: string) => send('DELETE', `${path}/${id}`),
    onSettled: () => void client.invalidateQueries({ queryKey: ['keys'] }),
  });
}
