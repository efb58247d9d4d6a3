import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { api, unwrap } from '@/api/client';
import { readLogs } from '@/api/logs';
import type { Span } from '@/api/runs';
import { useSignedIn } from '@/api/session';
import { type RecordedBlock, recordedBlocks } from '@/runs/recorded-blocks';
import type { LastOutputs } from '@/workflow/references';

const STALE_MS = 60_000;

/**
 * Return the outputs of the blocks in the last run, whose fields are completed: the run of the draft on this page, the
 * run on the canvas, or else the workflow's last run, which is loaded while `isNeeded`.
 */
export function useLastOutputs(
  workflowId: string,
  ofDraft: LastOutputs,
  onCanvas: ReadonlyMap<string, RecordedBlock> | undefined,
  isNeeded: boolean,
): LastOutputs {
  const { workspace } = useSignedIn();
  const last = useQuery({
    enabled: isNeeded && !ofDraft.size && !onCanvas,
    queryKey: ['logs', 'last-outputs', workflowId],
    staleTime: STALE_MS,
    queryFn: async () => {
      const [latest] = (await readLogs(workspace.id, { workflowIds: workflowId, limit: '1' })).data;
      if (!latest) return [];
      const run = await unwrap(api.GET('/api/v1/logs/{log_id}', { params: { path: { log_id: latest.id } } }));
      return (run.data.executionData.traceSpans ?? []) as unknown as Span[];
    },
  });
  return useMemo(() => {
    if (ofDraft.size) return ofDraft;
    const blocks = onCanvas ?? recordedBlocks(last.data ?? []);
    return new Map([...blocks].flatMap(([id, { output }]) => (output === undefined ? [] : [[id, output] as const])));
  }, [ofDraft, onCanvas, last.data]);
}
