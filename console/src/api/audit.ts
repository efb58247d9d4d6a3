import { useInfiniteQuery } from '@tanstack/react-query';
import type { Json } from '@/workflow/state';
import { send } from './client';
import { useSignedIn } from './session';

export interface AuditRow {
  id: string;
  at: string;
  actor: { id?: string; name?: string; kind?: string };
  action: string;
  targetId: string;
  targetName: string;
  before: { [key: string]: Json } | null;
  after: { [key: string]: Json } | null;
}

/** Load audit entries, newest first, optionally of one action only. */
export function useAudit(action: string) {
  const { workspace } = useSignedIn();
  return useInfiniteQuery({
    queryKey: ['audit', action],
    initialPageParam: '',
    queryFn: ({ pageParam: cursor }) => {
      const query = new URLSearchParams({ ...(action && { action }), ...(cursor && { cursor }) });
      return send<{ data: AuditRow[]; nextCursor: string | null }>(
        'GET',
        `/api/workspaces/${workspace.id}/audit?${query}`,
      );
    },
    getNextPageParam: (page) => page.nextCursor ?? undefined,
  });
}
