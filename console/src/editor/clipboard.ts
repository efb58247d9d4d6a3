import type { Piece } from '@/workflow/piece';

const KEY = 'flowport.clipboard';

/** Kept in the browser, so that blocks can be carried from one workflow to another. */
export function keepPiece(piece: Piece): void {
  localStorage.setItem(KEY, JSON.stringify(piece));
}

/** Nobody who signs in after somebody else pastes what that one has copied. */
export function forgetPiece(): void {
  localStorage.removeItem(KEY);
}

export function keptPiece(): Piece | null {
  try {
    const piece = JSON.parse(localStorage.getItem(KEY) ?? 'null') as Piece | null;
    return piece && Array.isArray(piece.blocks) && Array.isArray(piece.edges) ? piece : null;
  } catch {
    return null;
  }
}
