import { useReactFlow } from '@xyflow/react';
import { useEffect } from 'react';
import { blockElement } from '@/canvas/block-element';
import type { CanvasNode } from '@/canvas/graph-of';

const MARGIN = 24;

/** Pan the canvas just enough to keep the selected block visible next to an opened panel. */
export function useSelectedInView(id: string | undefined, panel: 'block' | 'run' | null): void {
  const flow = useReactFlow<CanvasNode>();
  useEffect(() => {
    if (!id || !panel) return;
    // By the next frame, a new block has been rendered.
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

/** Return how far an interval exceeds the bounds, with a margin, or 0 if it fits or is too large to fit. */
function outside(from: number, to: number, first: number, last: number): number {
  if (to - from + 2 * MARGIN > last - first) return 0;
  if (to > last) return to + MARGIN - last;
  return from < first ? from - MARGIN - first : 0;
}
