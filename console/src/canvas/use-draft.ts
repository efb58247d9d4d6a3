import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { readDraft } from '@/api/draft';
import { workflowKeys } from '@/api/workflows';
import { DraftSaver } from '@/workflow/draft-saver';
import type { DraftStore } from '@/workflow/draft-store';
import type { WorkflowState } from '@/workflow/state';

interface DraftInHand {
  saver: DraftSaver | null;
  error: unknown;
  /** Which of the drafts that were loaded one after the other this is. */
  serial: number;
  /** Throws away what is here and takes what the server has. */
  reload: () => void;
}

export function useDraft(workflowId: string): DraftInHand {
  const client = useQueryClient();
  const [held, setHeld] = useState<{ saver: DraftSaver; serial: number } | null>(null);
  const saver = held?.saver ?? null;
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round loads again
  useEffect(() => {
    let made: DraftSaver | null = null;
    let gone = false;
    const onSaved = () => void client.invalidateQueries({ queryKey: workflowKeys.deployment(workflowId) });
    readDraft(workflowId).then((draft) => {
      if (gone) return;
      const loaded = new DraftSaver(workflowId, draft, onSaved);
      made = loaded;
      setError(null);
      setHeld((before) => ({ saver: loaded, serial: (before?.serial ?? 0) + 1 }));
    }, setError);
    return () => {
      gone = true;
      made?.stop();
    };
  }, [workflowId, round, client]);
  return { saver, serial: held?.serial ?? 0, error, reload: useCallback(() => setRound((count) => count + 1), []) };
}

export function useDraftState(store: DraftStore): WorkflowState {
  return useSyncExternalStore(store.subscribe, store.state);
}

export function useSaveStatus(saver: DraftSaver) {
  return useSyncExternalStore(saver.subscribe, saver.currentStatus);
}
