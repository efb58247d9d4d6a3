import { useMemo } from 'react';
import { useSearchParams } from 'wouter';
import { useVersions, versionTitle } from '@/api/deployments';
import { type Span, useRun } from '@/api/runs';
import { type RecordedBlock, recordedBlocks } from '@/runs/recorded-blocks';

export interface RecordedRun {
  id: string;
  /** Version that ran, null for the draft. */
  version: string | null;
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
  const blocks = useMemo(
    () => recordedBlocks((run.data?.executionData.traceSpans ?? []) as unknown as Span[]),
    [run.data],
  );
  if (id === null) return null;
  const version = versions.data?.find((each) => each.id === run.data?.deploymentVersionId);
  const onClose = () => setSearch({}, { replace: true });
  return { id, version: version ? versionTitle(version) : null, blocks, error: run.error, onClose };
}
