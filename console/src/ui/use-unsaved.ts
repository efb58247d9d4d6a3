import { useEffect } from 'react';
import { noteWrittenForm } from '@/workflow/unsaved';

/** Says of a form that something is written in it which nobody has yet: a session that ends does not take it away. */
export function useUnsaved(isWritten: boolean): void {
  useEffect(() => (isWritten ? noteWrittenForm() : undefined), [isWritten]);
}
