import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { isAnythingWritten } from '@/workflow/unsaved';
import { send } from './client';
import { ApiError } from './errors';

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
  /** The one that is looked at. */
  workspace: Workspace;
  workspaces: readonly Workspace[];
}

const KEY = ['session'];
const CHOSEN = 'flowport.workspace';

/** The workspace of this page, as long as it stands: the browser may have asked, and been told to stay. */
let shown: string | null = null;

/** Who is signed in, null when nobody is. While something written is not saved, the page stays as it is: who signs in elsewhere goes on here. */
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

/** The page begins anew: nothing stays in it, and the browser asks where something is not saved. */
export function useSignOut() {
  return useMutation({
    mutationFn: () => send('POST', '/api/auth/sign-out', {}),
    onSettled: () => window.location.assign('/'),
  });
}

/** Sets another password; every other session of the same person ends. */
export function useChangePassword() {
  return useMutation({
    mutationFn: (passwords: { currentPassword: string; newPassword: string }) =>
      send('POST', '/api/auth/change-password', passwords),
  });
}

/** Looks at another workspace from now on. The page begins anew: nothing of the other is left over. */
export function enterWorkspace(id: string, path = '/'): void {
  sessionStorage.setItem(CHOSEN, id);
  localStorage.setItem(CHOSEN, id);
  window.location.assign(path);
}

export function useMakeWorkspace() {
  return useMutation({
    mutationFn: (name: string) => send<{ workspace: Workspace }>('POST', '/api/workspaces', { name }),
  });
}

export function can(role: Role, wanted: Role): boolean {
  const order: Role[] = ['read', 'write', 'admin'];
  return order.indexOf(role) >= order.indexOf(wanted);
}

async function readSession(): Promise<Session | null> {
  const found = await send<{ user: User } | null>('GET', '/api/auth/get-session');
  if (!found && isAnythingWritten()) throw new ApiError(401, 'You are signed out.', null, []);
  if (!found) return null;
  const { workspaces } = await send<{ workspaces: Workspace[] }>('GET', '/api/workspaces');
  // A tab stays in its workspace, whichever another one enters; a new tab begins in the last of them.
  const chosen = shown ?? sessionStorage.getItem(CHOSEN) ?? localStorage.getItem(CHOSEN);
  const workspace = workspaces.find(({ id }) => id === chosen) ?? workspaces[0];
  if (!workspace) return null;
  shown = workspace.id;
  sessionStorage.setItem(CHOSEN, workspace.id);
  return { user: found.user, workspace, workspaces };
}
