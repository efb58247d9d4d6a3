import { useInfiniteQuery, useIsMutating, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Json } from '@/workflow/state';
import { api, type ResponseBody, unwrap } from './client';
import { workflowKeys } from './workflows';

export type RecordingRow = ResponseBody<'/api/v2/workflows/{workflow_id}/recordings', 'get'>['data'][number];

/** Which runs of a workflow are recorded, and for how long. */
export interface RecordingPolicy {
  /** Share of runs, from 0 to 1. */
  sample: number;
  /** Whether every failed run is recorded. */
  failures: boolean;
  days: number;
}

/** Contents of a recorded run. */
export interface Recording {
  runId: string;
  version?: number;
  status?: string;
  input?: Json;
  output?: Json;
  error?: string;
  startedAt?: string;
  durationMs?: number;
  isCut?: boolean;
  blocks?: RecordedBlock[];
}

export interface RecordedBlock {
  path: string;
  blockId: string;
  blockName?: string;
  effect?: string;
  inputs?: Json;
  output?: Json;
  error?: string;
  durationMs?: number;
}

const keys = {
  policy: (id: string) => [...workflowKeys.one(id), 'recording'] as const,
  list: (id: string) => [...workflowKeys.one(id), 'recordings'] as const,
  one: (id: string, runId: string) => [...workflowKeys.one(id), 'recordings', runId] as const,
};

/** Load the recordings of a workflow, newest first. */
export function useRecordings(id: string) {
  return useInfiniteQuery({
    queryKey: keys.list(id),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => {
      const params = { path: { workflow_id: id }, query: { cursor: pageParam } };
      return unwrap(api.GET('/api/v2/workflows/{workflow_id}/recordings', { params }));
    },
    getNextPageParam: (page) => page.nextCursor ?? undefined,
  });
}

/** Load the contents of a recording. The server audits each reading, so they are loaded once. */
export function useRecording(id: string, runId: string) {
  return useQuery({
    queryKey: keys.one(id, runId),
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const params = { path: { workflow_id: id, run_id: runId } };
      const found = await unwrap(api.GET('/api/v2/workflows/{workflow_id}/recordings/{run_id}', { params }));
      return found.data as unknown as Recording;
    },
  });
}

export function useDeleteRecording(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (runId: string) => {
      const params = { path: { workflow_id: id, run_id: runId } };
      return unwrap(api.DELETE('/api/v2/workflows/{workflow_id}/recordings/{run_id}', { params }));
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.list(id), exact: true }),
  });
}

/** Turn recording on or off. */
export function useSetRecording(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationKey: keys.policy(id),
    mutationFn: (recording: RecordingPolicy | null) => {
      const params = { path: { workflow_id: id } };
      return unwrap(api.PATCH('/api/workflows/{workflow_id}/deploy', { params, body: { recording } as never }));
    },
    onSettled: () => client.invalidateQueries({ queryKey: workflowKeys.deployment(id) }),
  });
}

/** Return whether a change of the recording is being saved. */
export function useIsSettingRecording(id: string): boolean {
  return useIsMutating({ mutationKey: keys.policy(id) }) > 0;
}
