import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { hasUnsavedInput } from '@/workflow/unsaved';
import { send } from './client';
import { ApiError } from './errors';

export type Role = 'read' | 'write' | 'admin';

interface User {
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

interface Session {
  user: User;
  /** Current workspace. */
  workspace: Workspace;
  workspaces: readonly Workspace[];
}

const KEY = ['session'];
const CHOSEN = 'flowport.workspace';

/** Workspace of this page. It stays if the user cancels leaving the page while switching to another one. */
let shown: string | null = null;

/**
 * Load the session, null if signed out. With unsaved changes an expired session is an error instead: the page stays, and
 * the user can sign in in another tab.
 */
export function useSession() {
  return useQuery({ queryKey: KEY, queryFn: readSession, staleTime: 60_000, retry: 1 });
}

/** Return the session on pages that require one. */
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

/** Sign out and reload the page, which drops all state. The browser asks first if there are unsaved changes. */
export function useSignOut() {
  return useMutation({
    mutationFn: () => send('POST', '/api/auth/sign-out', {}),
    onSettled: () => window.location.assign('/'),
  });
}

/** Change the password. Ends all other sessions of the user. */
export function useChangePassword() {
  return useMutation({
    mutationFn: (passwords: { currentPassword: string; newPassword: string }) =>
      send('POST', '/api/auth/change-password', passwords),
  });
}

/** Switch to another workspace. Reloads the page, which drops all state of the current one. */
export function switchWorkspace(id: string, path = '/'): void {
  sessionStorage.setItem(CHOSEN, id);
  localStorage.setItem(CHOSEN, id);
  window.location.assign(path);
}

export function useCreateWorkspace() {
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
  if (!found && hasUnsavedInput()) throw new ApiError(401, 'You are signed out.', null, []);
  if (!found) return null;
  const { workspaces } = await send<{ workspaces: Workspace[] }>('GET', '/api/workspaces');
  // Each tab keeps its workspace. A new tab starts in the one that was selected last.
  const chosen = shown ?? sessionStorage.getItem(CHOSEN) ?? localStorage.getItem(CHOSEN);
  const workspace = workspaces.find(({ id }) => id === chosen) ?? workspaces[0];
  if (!workspace) return null;
  shown = workspace.id;
  sessionStorage.setItem(CHOSEN, workspace.id);
  return { user: found.user, workspace, workspaces };
}
