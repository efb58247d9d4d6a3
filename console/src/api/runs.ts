import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQueries,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { type Chip, listQuery, type RunFilters, without } from '@/runs/filters';
import { type Json, readState, type WorkflowState } from '@/workflow/state';
import { api, type ResponseBody, send, unwrap } from './client';
import { readLogs } from './logs';
import { useSignedIn } from './session';

export type LogDetail = ResponseBody<'/api/v1/logs/{log_id}', 'get'>['data'];

/** Trace span of a run, with its child spans. */
export interface Span {
  id: string;
  name: string;
  type: string;
  duration: number;
  startTime: string;
  endTime: string;
  status: string;
  children?: Span[];
  blockId?: string;
  input?: Json;
  output?: Json;
  tokens?: Json;
  cost?: { total?: number };
  model?: string;
}

type RunPage = Awaited<ReturnType<typeof readLogs>>;

const PAGE = '50';
const LIVE_MS = 3_000;
const SEARCH_MS = 30_000;
const DONE = new Set(['completed', 'failed', 'cancelled']);

/** Load the runs of the workspace that match, newest first, and keep them up to date while `isLive`. */
export function useRuns(filters: RunFilters, isLive: boolean) {
  const { workspace } = useSignedIn();
  return useInfiniteQuery({
    queryKey: ['logs', 'list', filters],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      readLogs(workspace.id, { ...listQuery(filters, Date.now()), limit: PAGE, cursor: pageParam }),
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => isLive && renewalOf(state.data?.pages ?? []),
    refetchOnWindowFocus: isLive,
  });
}

/** Return the filters without which there would be runs, each alone, or null until that is known. */
export function useExcludingChips(filters: RunFilters, chips: readonly Chip[]): Chip[] | null {
  const { workspace } = useSignedIn();
  const queries = useQueries({
    queries: chips.map((chip) => {
      const others = without(filters, chip);
      return {
        queryKey: ['logs', 'any', others],
        queryFn: () => readLogs(workspace.id, { ...listQuery(others, Date.now()), limit: '1' }),
      };
    }),
  });
  if (queries.some((query) => query.isPending)) return null;
  return chips.filter((_, index) => queries[index]?.data?.data.length);
}

/** Return whether the search may miss runs: recent ones that match the other filters have words that are not indexed. */
export function useIsSearchCut({ q, ...others }: RunFilters): boolean {
  const { workspace } = useSignedIn();
  const { data } = useQuery({
    enabled: q !== undefined,
    queryKey: ['logs', 'cut', others],
    queryFn: () => readLogs(workspace.id, { ...listQuery(others, Date.now()), limit: PAGE }),
    select: (page) => page.data.some((run) => run.searchIsCut),
  });
  return q !== undefined && data === true;
}

/** Every refresh loads all displayed pages in sequence, so more pages mean a longer interval. */
function renewalOf(pages: readonly RunPage[]): number {
  return (pages.some(isSearch) ? SEARCH_MS : LIVE_MS) * Math.max(1, pages.length);
}

/** Return whether the server stopped a long search before the page was full. Repeating it often is expensive. */
function isSearch(page: RunPage): boolean {
  return page.data.length < Number(PAGE) && Boolean(page.nextCursor);
}

/** Load a run and keep it up to date until it has ended. */
export function useRun(runId: string | null) {
  return useQuery({
    enabled: runId !== null,
    queryKey: ['logs', 'one', runId],
    queryFn: async () => {
      const path = { log_id: runId as string };
      return (await unwrap(api.GET('/api/v1/logs/{log_id}', { params: { path } }))).data;
    },
    refetchInterval: ({ state }) => (state.data && DONE.has(state.data.executionData.status) ? false : LIVE_MS),
  });
}

/** Load the workflow state that a run executed, null if it is not stored: of a draft, or of a deleted workflow. */
export function useExecutedState(runId: string) {
  return useQuery({
    queryKey: ['logs', 'one', runId, 'state'],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const path = { execution_id: runId };
      const { workflowState } = await unwrap(api.GET('/api/v1/logs/executions/{execution_id}', { params: { path } }));
      return workflowState ? readState(workflowState as Partial<WorkflowState>) : null;
    },
  });
}

const LATEST = '30';

/** Load the latest runs of the workspace. */
export function useLatestRuns() {
  const { workspace } = useSignedIn();
  return useQuery({
    queryKey: ['logs', 'latest'],
    queryFn: () => readLogs(workspace.id, { limit: LATEST }),
    select: (page) => page.data,
  });
}

const RUN_ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/i;

/** Load the run with an id, if the text is one. */
export function useRunById(text: string) {
  const { workspace } = useSignedIn();
  return useQuery({
    enabled: RUN_ID.test(text),
    queryKey: ['logs', 'id', text],
    queryFn: () => readLogs(workspace.id, { executionId: text, limit: '1' }),
    select: (page) => page.data[0],
  });
}

export function useCancelRun(workflowId: string, runId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => send('POST', `/api/workflows/${workflowId}/executions/${runId}/cancel`),
    onSettled: () => void client.invalidateQueries({ queryKey: ['logs'] }),
  });
}

/** Queue a run of the live version with the same input. Returns the new run's id. */
export function useRunAgain(workflowId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: Json) =>
      send<{ executionId: string }>(
        'POST',
        `/api/workflows/${workflowId}/execute`,
        { input },
        { 'x-execution-mode': 'async' },
      ),
    onSettled: () => void client.invalidateQueries({ queryKey: ['logs'] }),
  });
}

/** Continue a failed run on the live version at its failed block. Returns the new run's id. */
export function useRepairRun(workflowId: string, runId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (repeatUncertain: boolean) => {
      const path = `/api/v2/workflows/${workflowId}/runs/${runId}/repair`;
      return (await send<{ data: { runId: string } }>('POST', path, { repeatUncertain })).data;
    },
    onSettled: () => void client.invalidateQueries({ queryKey: ['logs'] }),
  });
}
