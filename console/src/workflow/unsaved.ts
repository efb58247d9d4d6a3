/** Drafts with unsaved changes. The browser asks before leaving the page. */
const drafts = new Set<object>();

export function setDraftUnsaved(draft: object, isUnsaved: boolean): void {
  if (isUnsaved) drafts.add(draft);
  else drafts.delete(draft);
}

/** Open forms with unsaved input. */
const forms = new Set<object>();

/** Register a form with unsaved input. Returns a function that removes it. */
export function registerUnsavedForm(): () => void {
  const form = {};
  forms.add(form);
  return () => void forms.delete(form);
}

/** Return whether replacing the page with the sign-in form would lose input. */
export function hasUnsavedInput(): boolean {
  return hasUnsavedDrafts() || forms.size > 0;
}

export function hasUnsavedDrafts(): boolean {
  return drafts.size > 0;
}
