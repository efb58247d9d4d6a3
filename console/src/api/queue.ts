import { useQuery } from '@tanstack/react-query';
import { type Answer, api, ask } from './client';
import { useSignedIn } from './session';

export type QueueStanding = Answer<'/api/workspaces/{workspace_id}/queue', 'get'>;

const LIVE_MS = 3_000;

/** How many runs wait to begin, and what one more would wait. */
export function useQueue() {
  const { workspace } = useSignedIn();
  return useQuery({
    queryKey: ['queue'],
    queryFn: () =>
      ask(api.GET('/api/workspaces/{workspace_id}/queue', { params: { path: { workspace_id: workspace.id } } })),
    refetchInterval: LIVE_MS,
  });
}
