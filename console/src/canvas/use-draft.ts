import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { readDraft } from '@/api/draft';
import { workflowKeys } from '@/api/workflows';
import { DraftSaver, unsavedDraft } from '@/workflow/draft-saver';
import type { DraftStore } from '@/workflow/draft-store';
import type { WorkflowState } from '@/workflow/state';

interface DraftInHand {
  saver: DraftSaver | null;
  error: unknown;
  /** Throws away what is here and takes what the server has. */
  reload: () => void;
}

/** The draft as it was left where some of it is not saved yet, else as the server has it. */
export function useDraft(workflowId: string): DraftInHand {
  const client = useQueryClient();
  const [saver, setSaver] = useState<DraftSaver | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round loads again
  useEffect(() => {
    let inHand: DraftSaver | undefined;
    let gone = false;
    const take = (found: DraftSaver) => {
      inHand = found;
      setSaver(found);
    };
    const onSaved = () => void client.invalidateQueries({ queryKey: workflowKeys.deployment(workflowId) });
    const left = unsavedDraft(workflowId);
    if (left) take(left);
    else {
      readDraft(workflowId).then(
        (draft) => gone || take(new DraftSaver(workflowId, draft, onSaved)),
        (thrown) => gone || setError(thrown),
      );
    }
    return () => {
      gone = true;
      inHand?.leave();
    };
  }, [workflowId, round, client]);
  const reload = useCallback(() => {
    saver?.drop();
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
