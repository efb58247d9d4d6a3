import { useQuery } from '@tanstack/react-query';
import { api, unwrap } from './client';
import { useSignedIn } from './session';

/** Load the rate limits and usage of the current workspace. */
export function useUsage() {
  const { workspace } = useSignedIn();
  return useQuery({
    queryKey: ['usage'],
    queryFn: () => unwrap(api.GET('/api/users/me/usage-limits', { params: { query: { workspaceId: workspace.id } } })),
    refetchInterval: 10_000,
  });
}
