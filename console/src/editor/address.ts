/** Return the block that a link to the editor selects. */
export function selectedBlockOfAddress(): string[] {
  const id = paramOfAddress('block');
  return id === null ? [] : [id];
}

/** Return what a link to the editor opens: a form to run the draft or the live version with the input of a run. */
export function openOfAddress(): 'run' | 'try' | null {
  const form = paramOfAddress('open');
  return form === 'try' ? 'try' : form === 'draft' ? 'run' : null;
}

function paramOfAddress(name: string): string | null {
  return new URLSearchParams(window.location.search).get(name);
}
