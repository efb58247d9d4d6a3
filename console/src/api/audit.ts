import { useInfiniteQuery } from '@tanstack/react-query';
import { send } from './client';
import { useSignedIn } from './session';

export interface AuditRow {
  id: string;
  at: string;
  actor: { id?: string; name?: string };
  action: string;
  targetId: string;
  targetName: string;
}

export function useAudit() {
  const { workspace } = useSignedIn();
  return useInfiniteQuery({
    queryKey: ['audit'],
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      send<{ data: AuditRow[]; nextCursor: string | null }>(
        'GET',
        `/api/workspaces/${workspace.id}/audit?${new URLSearchParams(pageParam ? { cursor: pageParam } : {})}`,
      ),
    getNextPageParam: (page) => page.nextCursor ?? undefined,
  });
}
