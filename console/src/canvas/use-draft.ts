import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { readDraft } from '@/api/draft';
import { workflowKeys } from '@/api/workflows';
import { DraftSaver, unsavedDraft } from '@/workflow/draft-saver';
import type { DraftStore } from '@/workflow/draft-store';
import type { WorkflowState } from '@/workflow/state';

interface LoadedDraft {
  saver: DraftSaver | null;
  error: unknown;
  /** Discard local changes and load the draft from the server. */
  reload: () => void;
}

/** Load the draft: unsaved changes from an earlier visit if there are any, otherwise from the server. */
export function useDraft(workflowId: string): LoadedDraft {
  const client = useQueryClient();
  const [saver, setSaver] = useState<DraftSaver | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round reloads
  useEffect(() => {
    let current: DraftSaver | undefined;
    let isUnmounted = false;
    const take = (found: DraftSaver) => {
      current = found;
      setSaver(found);
    };
    const onSaved = () => {
      void client.invalidateQueries({ queryKey: workflowKeys.deployment(workflowId) });
      void client.invalidateQueries({ queryKey: workflowKeys.modified });
    };
    const unsaved = unsavedDraft(workflowId);
    if (unsaved) take(unsaved);
    else {
      readDraft(workflowId).then(
        (draft) => isUnmounted || take(new DraftSaver(workflowId, draft, onSaved)),
        (thrown) => isUnmounted || setError(thrown),
      );
    }
    return () => {
      isUnmounted = true;
      current?.detach();
    };
  }, [workflowId, round, client]);
  const reload = useCallback(() => {
    saver?.discard();
    setSaver(null);
    setError(null);
    setRound((count) => count + 1);
  }, [saver]);
  return { saver, error, reload };
}

export function useDraftState(store: DraftStore): WorkflowState {
  return useSyncExternalStore(store.subscribe, store.state);
}

export function useSaveStatus(saver: DraftSaver) {
  return useSyncExternalStore(saver.subscribe, saver.currentStatus);
}
