/** Drafts with changes that no server has yet. Nothing that would lose them is done unasked. */
const drafts = new Set<object>();

export function noteUnsaved(draft: object, isUnsaved: boolean): void {
  if (isUnsaved) drafts.add(draft);
  else drafts.delete(draft);
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
