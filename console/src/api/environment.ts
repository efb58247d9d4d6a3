import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { send } from './client';
import { useSignedIn } from './session';

interface SecretName {
  name: string;
  updatedAt: string;
  updatedBy: string;
}

const KEY = ['environment'];

/** Load the names of the workspace's secrets. Values cannot be read. */
export function useSecrets() {
  const { workspace } = useSignedIn();
  return useQuery({
    queryKey: KEY,
    queryFn: () => send<{ data: SecretName[] }>('GET', `/api/workspaces/${workspace.id}/environment`),
    select: (found) => found.data,
  });
}

export function useSetSecret() {
  const client = useQueryClient();
  const { workspace } = useSignedIn();
  return useMutation({
    mutationFn: ({ name, value }: { name: string; value: string }) =>
      send('PUT', `/api/workspaces/${workspace.id}/environment/${encodeURIComponent(name)}`, { value }),
    onSuccess: () => void client.invalidateQueries({ queryKey: KEY }),
  });
}

export function useDeleteSecret() {
  const client = useQueryClient();
  const { workspace } = useSignedIn();
  return useMutation({
    mutationFn: (name: string) =>
      send('DELETE', `/api/workspaces/${workspace.id}/environment/${encodeURIComponent(name)}`),
    onSuccess: () => void client.invalidateQueries({ queryKey: KEY }),
  });
}
