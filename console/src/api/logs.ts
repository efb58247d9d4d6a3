import { useQuery } from '@tanstack/react-query';
import { type Answer, send } from './client';
import { useSignedIn } from './session';

type LogPage = Answer<'/api/v1/logs', 'get'>;
export type LogRow = LogPage['data'][number];

export type LogFilter = Record<string, string | undefined>;

const DAY_MS = 86_400_000;
const EVERY_MS = 15_000;

export function readLogs(workspaceId: string, filter: LogFilter): Promise<LogPage> {
  const query = new URLSearchParams({ workspaceId });
  for (const [name, value] of Object.entries(filter)) if (value) query.set(name, value);
  return send<LogPage>('GET', `/api/v1/logs?${query}`);
}

export interface RecentRuns {
  rows: readonly LogRow[];
  /** Whether there were no more than these. */
  areAll: boolean;
}

/** The runs of the last 24 hours, the newest thousand at most. */
export function useRecentRuns() {
  const { workspace } = useSignedIn();
  return useQuery({
    queryKey: ['logs', 'recent'],
    queryFn: () => readLogs(workspace.id, { startDate: new Date(Date.now() - DAY_MS).toISOString(), limit: '1000' }),
    select: (page): RecentRuns => ({ rows: page.data, areAll: !page.nextCursor }),
    refetchInterval: EVERY_MS,
  });
}
