import { useEffect } from 'react';
import { useStableCallback } from '@/ui/use-stable-callback';

/** Call `onPress` for Ctrl K or Cmd K, unless a dialog is open. */
export function useCommandKey(onPress: () => void): void {
  const press = useStableCallback(onPress);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const isK = event.key.toLowerCase() === 'k' || event.code === 'KeyK';
      if (!isK || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      event.preventDefault();
      if (!document.querySelector('[role="dialog"]')) press();
    };
    // In the capture phase: the code editor has its own use for the keys on some systems.
    window.addEventListener('keydown', onKeyDown, { capture: true });
    return () => window.removeEventListener('keydown', onKeyDown, { capture: true });
  }, [press]);
}
