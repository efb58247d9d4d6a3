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

export function isAnythingUnsaved(): boolean {
  return drafts.size > 0;
}
