/** Return the focusable element of a block on the canvas. */
export function blockElement(id: string): HTMLElement | null {
  return document.querySelector(`.react-flow__node[data-id="${CSS.escape(id)}"]`);
}
