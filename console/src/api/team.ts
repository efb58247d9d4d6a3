import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { send } from './client';
import { type Role, switchWorkspace, useSignedIn } from './session';

export interface Member {
  id: string;
  email: string;
  name: string;
  role: Role;
  joinedAt: string;
}

export interface Invitation {
  id: string;
  email: string | null;
  role: Role;
  createdBy: string;
  createdAt: string;
  expiresAt: string;
}

export interface InvitationDetails {
  workspaceId: string;
  workspaceName: string;
  email: string | null;
  role: Role;
  expiresAt: string;
}

function useTeamPath(): string {
  const { workspace } = useSignedIn();
  return `/api/workspaces/${workspace.id}`;
}

export function useMembers() {
  const path = useTeamPath();
  return useQuery({
    queryKey: ['team', 'members'],
    queryFn: () => send<{ members: Member[] }>('GET', `${path}/members`),
    select: (found) => found.members,
  });
}

export function useInvitations() {
  const path = useTeamPath();
  return useQuery({
    queryKey: ['team', 'invitations'],
    queryFn: () => send<{ invitations: Invitation[] }>('GET', `${path}/invitations`),
    select: (found) => found.invitations,
  });
}

function useTeamChange<Variables, ResponseBody>(change: (path: string, variables: Variables) => Promise<ResponseBody>) {
  const client = useQueryClient();
  const path = useTeamPath();
  return useMutation({
    mutationFn: (variables: Variables) => change(path, variables),
    onSettled: () => void client.invalidateQueries({ queryKey: ['team'] }),
  });
}

export function useSetRole() {
  return useTeamChange((path, { id, role }: { id: string; role: Role }) =>
    send('PATCH', `${path}/members/${id}`, { role }),
  );
}

export function useRemoveMember() {
  return useTeamChange((path, id: string) => send('DELETE', `${path}/members/${id}`));
}

/** Create an invitation and return its link. The link cannot be loaded again. */
export function useInvite() {
  return useTeamChange(async (path, settings: { role: Role; email: string | null }) => {
    const made = await send<{ invitation: { url: string } }>('POST', `${path}/invitations`, settings);
    return made.invitation.url;
  });
}

export function useRevokeInvitation() {
  return useTeamChange((path, id: string) => send('DELETE', `${path}/invitations/${id}`));
}

export function useInvitationDetails(token: string) {
  return useQuery({
    queryKey: ['invitation', token],
    queryFn: () => send<InvitationDetails>('POST', '/api/invitations/look', { token }),
    retry: false,
  });
}

/** Accept an invitation and switch to its workspace. */
export function useAcceptInvitation(token: string, workspaceId: string) {
  return useMutation({
    mutationFn: (who: { email: string; name: string; password: string } | null) =>
      send('POST', '/api/invitations/accept', { token, ...who }),
    onSuccess: () => switchWorkspace(workspaceId),
  });
}
