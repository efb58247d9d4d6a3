import { useMemo } from 'react';
import { useSearchParams } from 'wouter';
import { useVersions, versionTitle } from '@/api/deployments';
import { type Span, useRun } from '@/api/runs';
import { type RecordedBlock, recordedBlocks } from '@/runs/recorded-blocks';
import { inputOf } from '@/runs/rerun';
import type { Json } from '@/workflow/state';

export interface RecordedRun {
  id: string;
  /** Version that ran, null for the draft. */
  version: string | null;
  input: Json | undefined;
  /** Block that the address selects. */
  blockId: string | null;
  blocks: ReadonlyMap<string, RecordedBlock>;
  error: unknown;
  onClose: () => void;
}

/** Load the run that the address names, to show it on the canvas. */
export function useRecordedRun(workflowId: string): RecordedRun | null {
  const [search, setSearch] = useSearchParams();
  const id = search.get('run');
  const run = useRun(id);
  const versions = useVersions(workflowId, id !== null);
  const [blocks, input] = useMemo(() => {
    const spans = (run.data?.executionData.traceSpans ?? []) as unknown as Span[];
    return [recordedBlocks(spans), inputOf(spans)] as const;
  }, [run.data]);
  if (id === null) return null;
  const version = versions.data?.find((each) => each.id === run.data?.deploymentVersionId);
  const onClose = () => setSearch({}, { replace: true });
  return {
    id,
    version: version ? versionTitle(version) : null,
    input,
    blockId: search.get('block'),
    blocks,
    error: run.error,
    onClose,
  };
}
