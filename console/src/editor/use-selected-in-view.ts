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
      const node = flow.getInternalNode(id);
      const block = blockElement(id);
      const canvas = document.querySelector('.react-flow')?.getBoundingClientRect();
      if (!node || !block || !canvas || node.dragging) return;
      // The position is from the store: the element may not have been drawn since the viewport last moved.
      const { x: left, y: top } = flow.flowToScreenPosition(node.internals.positionAbsolute);
      const zoom = flow.getZoom();
      const right = outside(left, left + block.offsetWidth * zoom, canvas.left, canvas.right);
      const down = outside(top, top + block.offsetHeight * zoom, canvas.top, canvas.bottom);
      if (!right && !down) return;
      const { x, y } = flow.getViewport();
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
