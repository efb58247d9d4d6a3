import { useQuery } from '@tanstack/react-query';
import { api, type ResponseBody, unwrap } from './client';
import { useSignedIn } from './session';

export type QueueStatus = ResponseBody<'/api/workspaces/{workspace_id}/queue', 'get'>;

const LIVE_MS = 3_000;

/** Load the length of the queue and the estimated wait. */
export function useQueue() {
  const { workspace } = useSignedIn();
  return useQuery({
    queryKey: ['queue'],
    queryFn: () =>
      unwrap(api.GET('/api/workspaces/{workspace_id}/queue', { params: { path: { workspace_id: workspace.id } } })),
    refetchInterval: LIVE_MS,
  });
}
