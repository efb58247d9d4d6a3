import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { send } from './client';
import { can, useSignedIn } from './session';

export interface DeadLetter {
  id: string;
  kind: string;
  queue: string;
  reason: string;
  diedAt: string;
  times: number;
  size: number;
  workflowId: string | null;
  runId: string | null;
}

const KEY = ['dead-letters'];
const REFRESH_MS = 30_000;

/** Load the dead letters of the workspace, newest first. Admins only. */
export function useDeadLetters() {
  const { workspace } = useSignedIn();
  return useInfiniteQuery({
    queryKey: KEY,
    enabled: can(workspace.role, 'admin'),
    initialPageParam: '',
    queryFn: ({ pageParam: cursor }) => {
      const query = new URLSearchParams({ workspaceId: workspace.id, limit: '100', ...(cursor && { cursor }) });
      return send<{ data: DeadLetter[]; nextCursor: string | null }>('GET', `/api/v1/dead-letters?${query}`);
    },
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    refetchInterval: REFRESH_MS,
  });
}

function useDeadLetterAction(method: string, rest: string) {
  const client = useQueryClient();
  const { workspace } = useSignedIn();
  return useMutation({
    mutationFn: (id: string) => send(method, `/api/v1/dead-letters/${id}${rest}?workspaceId=${workspace.id}`),
    onSettled: () => client.invalidateQueries({ queryKey: KEY }),
  });
}

export function useRedrive() {
  return useDeadLetterAction('POST', '/redrive');
}

export function useDeleteDeadLetter() {
  return useDeadLetterAction('DELETE', '');
}
