import { useQuery } from '@tanstack/react-query';
import { type ResponseBody, send } from './client';
import { useSignedIn } from './session';

type LogPage = ResponseBody<'/api/v1/logs', 'get'>;
export type LogRow = LogPage['data'][number];

export type LogFilter = Record<string, string | undefined>;

const DAY_MS = 86_400_000;
const REFRESH_MS = 15_000;

export function readLogs(workspaceId: string, filter: LogFilter): Promise<LogPage> {
  const query = new URLSearchParams({ workspaceId });
  for (const [name, value] of Object.entries(filter)) if (value) query.set(name, value);
  return send<LogPage>('GET', `/api/v1/logs?${query}`);
}

export interface RecentRuns {
  rows: readonly LogRow[];
  /** Whether `rows` contains all runs of the period. */
  isComplete: boolean;
}

/** Load the latest runs of the last 24 hours, at most 1,000. */
export function useRecentRuns() {
  const { workspace } = useSignedIn();
  return useQuery({
    queryKey: ['logs', 'recent'],
    queryFn: () => readLogs(workspace.id, { startDate: new Date(Date.now() - DAY_MS).toISOString(), limit: '1000' }),
    select: (page): RecentRuns => ({ rows: page.data, isComplete: !page.nextCursor }),
    refetchInterval: REFRESH_MS,
  });
}
