import { useEffect } from 'react';
import { useToasts } from '@/ui/toasts';
import type { DraftSaver } from '@/workflow/draft-saver';

const PERIOD_MS = 10_000;

/** Load changes of other authors while the page is visible and has no unsaved changes. */
export function useRefresh(saver: DraftSaver): void {
  const { notify } = useToasts();
  useEffect(() => {
    const refresh = () => {
      if (document.visibilityState !== 'visible') return;
      saver.refresh().then(
        (isChanged) => isChanged && notify('Someone else saved this workflow. You see the latest draft.'),
        () => undefined, // the next one may succeed
      );
    };
    const timer = setInterval(refresh, PERIOD_MS);
    document.addEventListener('visibilitychange', refresh);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', refresh);
    };
  }, [saver, notify]);
}
