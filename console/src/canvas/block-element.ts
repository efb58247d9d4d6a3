/** A block as it is drawn, where it is; it takes the keyboard. */
export function blockElement(id: string): HTMLElement | null {
  return document.querySelector(`.react-flow__node[data-id="${CSS.escape(id)}"]`);
}
