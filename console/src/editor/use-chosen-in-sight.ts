import { useReactFlow } from '@xyflow/react';
import { useEffect } from 'react';
import { blockElement } from '@/canvas/block-element';
import type { CanvasNode } from '@/canvas/graph-of';

const AROUND = 24;

/** Moves the canvas just so far that the chosen block lies whole beside the `panel` that opened. */
export function useChosenInSight(id: string | undefined, panel: 'block' | 'run' | null): void {
  const flow = useReactFlow<CanvasNode>();
  useEffect(() => {
    if (!id || !panel) return;
    // A block that was just added is drawn by then.
    const frame = requestAnimationFrame(() => {
      const block = blockElement(id)?.getBoundingClientRect();
      const canvas = document.querySelector('.react-flow')?.getBoundingClientRect();
      if (!block || !canvas || flow.getNode(id)?.dragging) return;
      const right = outside(block.left, block.right, canvas.left, canvas.right);
      const down = outside(block.top, block.bottom, canvas.top, canvas.bottom);
      if (!right && !down) return;
      const { x, y, zoom } = flow.getViewport();
      void flow.setViewport({ x: x - right, y: y - down, zoom }, { duration: 250 });
    });
    return () => cancelAnimationFrame(frame);
  }, [id, panel, flow]);
}

/** How far a stretch reaches over the end or the beginning of the one that it should lie in; nothing where it finds no room. */
function outside(from: number, to: number, first: number, last: number): number {
  if (to - from + 2 * AROUND > last - first) return 0;
  if (to > last) return to + AROUND - last;
  return from < first ? from - AROUND - first : 0;
}
