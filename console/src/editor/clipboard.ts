import type { CopiedBlocks } from '@/workflow/copy-paste';

const KEY = 'flowport.clipboard';

/** Store copied blocks in the browser, so that they can be pasted into another workflow. */
export function writeClipboard(copied: CopiedBlocks): void {
  localStorage.setItem(KEY, JSON.stringify(copied));
}

/** Clear the clipboard on sign-out, so that the next user of the browser cannot paste it. */
export function clearClipboard(): void {
  localStorage.removeItem(KEY);
}

export function readClipboard(): CopiedBlocks | null {
  try {
    const copied = JSON.parse(localStorage.getItem(KEY) ?? 'null') as CopiedBlocks | null;
    return copied && Array.isArray(copied.blocks) && Array.isArray(copied.edges) ? copied : null;
  } catch {
    return null;
  }
}
