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

export interface KeyWish {
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

/** Makes a key; the answer holds it in clear, this once. */
export function useMakeKey(kind: KeyKind) {
  const client = useQueryClient();
  const path = useKeyPath(kind);
  return useMutation({
    mutationFn: async (wish: KeyWish) => (await send<{ key: NewKey }>('POST', path, wish)).key,
    onSuccess: () => void client.invalidateQueries({ queryKey: ['keys'] }),
  });
}

/** Gives a key another name or limit; what is not given stays. */
export function useChangeKey(kind: KeyKind) {
  const client = useQueryClient();
  const path = useKeyPath(kind);
  return useMutation({
    mutationFn: ({ id, wish }: { id: string; wish: Partial<Pick<KeyWish, 'name' | 'rateLimit'>> }) =>
      send('PUT', `${path}/${id}`, wish),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['keys'] }),
  });
}

/** Puts a new key in a key's place; the answer holds it in clear, this once. */
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
