import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { send } from './client';

export type Role = 'read' | 'write' | 'admin';

export interface User {
  id: string;
  email: string;
  name: string;
}

export interface Workspace {
  id: string;
  name: string;
  role: Role;
  plan: string;
}

export interface Session {
  user: User;
  workspace: Workspace;
}

const KEY = ['session'];

/** Who is signed in, null when nobody is. */
export function useSession() {
  return useQuery({ queryKey: KEY, queryFn: readSession, staleTime: 60_000, retry: 1 });
}

/** The signed-in person's session, inside pages that nobody else sees. */
export function useSignedIn(): Session {
  const { data } = useSession();
  if (!data) throw new Error('this page needs a session');
  return data;
}

export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (who: { email: string; password: string }) => send('POST', '/api/auth/sign-in/email', who),
    onSuccess: () => client.resetQueries(),
  });
}

export function useSignOut() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => send('POST', '/api/auth/sign-out', {}),
    onSettled: () => client.resetQueries(),
  });
}

export function can(role: Role, wanted: Role): boolean {
  const order: Role[] = ['read', 'write', 'admin'];
  return order.indexOf(role) >= order.indexOf(wanted);
}

async function readSession(): Promise<Session | null> {
  const found = await send<{ user: User } | null>('GET', '/api/auth/get-session');
  if (!found) return null;
  const { workspaces } = await send<{ workspaces: Workspace[] }>('GET', '/api/workspaces');
  const workspace = workspaces[0];
  return workspace ? { user: found.user, workspace } : null;
}
