import { useEffect } from 'react';

/** Gives the keyboard back to what had it when this came, where it would be lost as this goes. */
export function useFocusBack(): void {
  useEffect(() => {
    const before = document.activeElement;
    return () => {
      if (document.activeElement === document.body && before instanceof HTMLElement) before.focus();
    };
  }, []);
}
