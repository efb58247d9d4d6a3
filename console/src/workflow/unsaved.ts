import type { DraftSaver } from './draft-saver';

/** Drafts with changes that no server has yet, by workflow. Nothing that would lose them is done unasked. */
const drafts = new Map<string, DraftSaver>();

export function noteUnsaved(workflowId: string, draft: DraftSaver, isUnsaved: boolean): void {
  if (isUnsaved) drafts.set(workflowId, draft);
  else if (drafts.get(workflowId) === draft) drafts.delete(workflowId);
}

/** The draft of this workflow that was left before all of it was saved. */
export function unsavedDraft(workflowId: string): DraftSaver | undefined {
  return drafts.get(workflowId);
}

/** Forms in sight that somebody has written into and not sent. */
const forms = new Set<object>();

/** Gives what ends it. */
export function noteWrittenForm(): () => void {
  const form = {};
  forms.add(form);
  return () => void forms.delete(form);
}

/** Whether signing in elsewhere saves more than signing in here. */
export function isAnythingWritten(): boolean {
  return isAnythingUnsaved() || forms.size > 0;
}

export function isAnythingUnsaved(): boolean {
  return drafts.size > 0;
}
