import { useEffect } from 'react';
import { registerUnsavedForm } from '@/workflow/unsaved';

/** Register unsaved input of a form, so that an expired session does not replace the page. */
export function useUnsavedForm(hasInput: boolean): void {
  useEffect(() => (hasInput ? registerUnsavedForm() : undefined), [hasInput]);
}
