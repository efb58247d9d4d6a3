import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { overviewPeriod, type RunFilters, statisticsQuery } from '@/runs/filters';
import { type ResponseBody, send } from './client';
import { type LogFilter, searchOf } from './logs';
import { useSignedIn } from './session';

type Answer = ResponseBody<'/api/v2/logs/statistics', 'get'>;
export type Statistics = Answer['data'];
export type RunTotals = Statistics['totals'];
export type RunBucket = Statistics['buckets'][number];
export type WorkflowStatistics = NonNullable<Statistics['workflows']>[number];

const REFRESH_MS = 15_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Load the statistics of the runs in the period that match. The selected range does not restrict them. */
export function useRunStatistics({ from: _from, to: _to, ...filters }: RunFilters, isLive: boolean) {
  const { workspace } = useSignedIn();
  return useQuery({
    queryKey: ['logs', 'statistics', filters],
    queryFn: async () => {
      const { from, to, label, interval } = overviewPeriod(filters, Date.now());
      const query = { ...statisticsQuery(filters, from, to), interval: String(interval) };
      return { ...(await readStatistics(workspace.id, query)), label };
    },
    placeholderData: keepPreviousData,
    refetchInterval: isLive && REFRESH_MS,
    refetchOnWindowFocus: isLive,
  });
}

/** Load the totals of the runs in the selected range that match. */
export function useRangeTotals(filters: RunFilters, isLive: boolean) {
  const { workspace } = useSignedIn();
  const { from, to } = filters;
  return useQuery({
    enabled: from !== undefined && to !== undefined,
    queryKey: ['logs', 'totals', filters],
    queryFn: () => readStatistics(workspace.id, statisticsQuery(filters, from as string, to as string)),
    select: (found) => found.totals,
    refetchInterval: isLive && REFRESH_MS,
    refetchOnWindowFocus: isLive,
  });
}

/** Load the hourly runs of each workflow in the last 24 hours, and its last run. */
export function useWorkflowActivity() {
  const { workspace } = useSignedIn();
  return useQuery({
    queryKey: ['logs', 'activity'],
    queryFn: () =>
      readStatistics(workspace.id, {
        from: new Date(Date.now() - DAY_MS).toISOString(),
        interval: String(HOUR_MS),
        by: 'workflow',
      }),
    refetchInterval: REFRESH_MS,
  });
}

async function readStatistics(workspaceId: string, filter: LogFilter): Promise<Statistics> {
  return (await send<Answer>('GET', `/api/v2/logs/statistics?${searchOf(workspaceId, filter)}`)).data;
}
