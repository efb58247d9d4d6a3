/** Drafts with changes that no server has yet. Nothing that would lose them is done unasked. */
const drafts = new Set<object>();

export function noteUnsaved(draft: object, isUnsaved: boolean): void {
  if (isUnsaved) drafts.add(draft);
  else drafts.delete(draft);
}

export function isAnythingUnsaved(): boolean {
  return drafts.size > 0;
}
