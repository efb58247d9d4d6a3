import { useQuery } from '@tanstack/react-query';
import { api, ask } from './client';
import { useSignedIn } from './session';

/** How the workspace stands that is looked at. */
export function useUsage() {
  const { workspace } = useSignedIn();
  return useQuery({
    queryKey: ['usage'],
    queryFn: () => ask(api.GET('/api/users/me/usage-limits', { params: { query: { workspaceId: workspace.id } } })),
    refetchInterval: 10_000,
  });
}
