import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type Json, readState, type WorkflowState } from '@/workflow/state';
import { api, type ResponseBody, send, unwrap } from './client';
import { type LogFilter, readLogs } from './logs';
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
const HOUR_MS = 3_600_000;
const LIVE_MS = 3_000;
const SEARCH_MS = 30_000;
const DONE = new Set(['completed', 'failed', 'cancelled']);

export interface RunFilter extends LogFilter {
  /** Runs of the last N hours, relative to each request. */
  hours?: string;
}

/** Load the runs of the workspace, newest first, and keep them up to date. */
export function useRuns(filter: RunFilter) {
  const { workspace } = useSignedIn();
  return useInfiniteQuery({
    queryKey: ['logs', 'list', filter],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => readLogs(workspace.id, { ...sinceNow(filter), limit: PAGE, cursor: pageParam }),
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    refetchInterval: ({ state }) => renewalOf(state.data?.pages ?? []),
  });
}

function sinceNow({ hours, ...rest }: RunFilter): LogFilter {
  return hours ? { ...rest, startDate: new Date(Date.now() - Number(hours) * HOUR_MS).toISOString() } : rest;
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
