import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, type ResponseBody, send, unwrap } from './client';
import { workflowKeys } from './workflows';

export type Replay = ResponseBody<'/api/v2/workflows/{workflow_id}/replays/{replay_id}', 'get'>['data'];
export type ReplayResult = ResponseBody<
  '/api/v2/workflows/{workflow_id}/replays/{replay_id}/results',
  'get'
>['data'][number];
export type Verdict = NonNullable<ReplayResult['verdict']>;

/** Content to replay on: a version, or the draft. */
export type ReplayTarget = { version: number } | { draft: true };

/** Runs that may behave differently, and the budget for models whose answer is not recorded. */
export interface ReplayLimits {
  maxDifferent: number;
  maxUnrecorded: number;
  maxFailed: number;
  models: { mode: 'recorded' } | { mode: 'live'; maxDollars: number; maxCalls: number };
}

interface ReplayOptions extends Partial<ReplayLimits> {
  /** Number of recorded runs, newest first. */
  last?: number;
  runIds?: string[];
  ignore?: readonly string[];
}

/** Replay that must have passed. `override` is the reason to deploy all the same. */
export interface Gate {
  replayId: string;
  override?: string;
}

const LIVE_MS = 1_000;

const keys = {
  list: (id: string) => [...workflowKeys.one(id), 'replays'] as const,
  one: (id: string, replayId: string) => [...workflowKeys.one(id), 'replays', replayId] as const,
};

/** Load the replays of a workflow, newest first, and keep them up to date while one runs. */
export function useReplays(id: string) {
  return useInfiniteQuery({
    queryKey: keys.list(id),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => {
      const params = { path: { workflow_id: id }, query: { cursor: pageParam } };
      return unwrap(api.GET('/api/v2/workflows/{workflow_id}/replays', { params }));
    },
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    refetchInterval: ({ state }) =>
      state.data?.pages.some((page) => page.data.some(isRunning)) ? LIVE_MS * 2 * state.data.pages.length : false,
  });
}

/** Load a replay and keep it up to date until it has ended. */
export function useReplay(id: string, replayId: string | null) {
  return useQuery({
    enabled: replayId !== null,
    queryKey: keys.one(id, replayId ?? ''),
    queryFn: async () => {
      const params = { path: { workflow_id: id, replay_id: replayId as string } };
      return (await unwrap(api.GET('/api/v2/workflows/{workflow_id}/replays/{replay_id}', { params }))).data;
    },
    refetchInterval: ({ state }) => (state.data && isRunning(state.data) ? LIVE_MS : false),
  });
}

/** Load the results of a replay that has ended. The server audits each reading, so they are loaded once. */
export function useReplayResults(id: string, replay: Replay, verdict: Verdict | undefined) {
  return useInfiniteQuery({
    enabled: !isRunning(replay),
    queryKey: [...keys.one(id, replay.id), 'results', verdict ?? ''],
    staleTime: Number.POSITIVE_INFINITY,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => {
      const params = { path: { workflow_id: id, replay_id: replay.id }, query: { verdict, cursor: pageParam } };
      return unwrap(api.GET('/api/v2/workflows/{workflow_id}/replays/{replay_id}/results', { params }));
    },
    getNextPageParam: (page) => page.nextCursor ?? undefined,
  });
}

/** Start a replay. `prepare` runs first, such as saving the draft. */
export function useStartReplay(id: string, prepare?: () => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ target, ...options }: ReplayOptions & { target: ReplayTarget }) => {
      await prepare?.();
      const body = { ...target, ...options };
      return (await send<{ data: Replay }>('POST', `/api/v2/workflows/${id}/replays`, body)).data;
    },
    onSuccess: () => client.invalidateQueries({ queryKey: keys.list(id), exact: true }),
  });
}

export function useCancelReplay(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (replayId: string) => {
      const params = { path: { workflow_id: id, replay_id: replayId } };
      return unwrap(api.POST('/api/v2/workflows/{workflow_id}/replays/{replay_id}/cancel', { params }));
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.list(id) }),
  });
}

export function isRunning({ status }: Pick<Replay, 'status'>): boolean {
  return status === 'running';
}

/** Return the address of a replay's report. */
export function reportHref(id: string, replayId: string, format: 'json' | 'junit'): string {
  return `/api/v2/workflows/${id}/replays/${replayId}/report?format=${format}`;
}
