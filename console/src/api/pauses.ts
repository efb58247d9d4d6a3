import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { InputField } from '@/editor/input-form';
import type { Json } from '@/workflow/state';
import { send } from './client';

/** Point at which a run is paused. */
export interface PausePoint {
  contextId: string;
  blockId: string;
  pauseKind: string;
  registeredAt: string;
  resumeAt: string | null;
  response: { data?: { responseStructure?: ShownValue[]; inputFormat?: InputField[] } } | null;
}

interface ShownValue {
  name: string;
  value: Json;
}

const LIVE_MS = 3_000;

/** Load the pause points of a run. */
export function usePausePoints(workflowId: string, runId: string, isPaused = true) {
  return useQuery({
    enabled: isPaused,
    queryKey: ['logs', 'one', runId, 'pauses'],
    queryFn: () => send<{ pausePoints: PausePoint[] }>('GET', `/api/resume/${workflowId}/${runId}`),
    select: (found) => found.pausePoints,
    refetchInterval: LIVE_MS,
  });
}

/** Resume a run at a pause point with the given input. */
export function useResume(workflowId: string, runId: string, contextId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: { [key: string]: Json }) =>
      send('POST', `/api/resume/${workflowId}/${runId}/${contextId}`, { input }),
    onSettled: () => client.invalidateQueries({ queryKey: ['logs'] }),
  });
}
