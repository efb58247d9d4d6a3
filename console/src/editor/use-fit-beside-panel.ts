import { getViewportForBounds, useReactFlow } from '@xyflow/react';
import { useEffect } from 'react';
import type { CanvasNode } from '@/canvas/graph-of';

const READABLE_ZOOM = 0.45;
const PADDING = 0.08;

/** Fit the graph into the canvas beside an opened run panel, unless it is visible already or would be unreadable. */
export function useFitBesidePanel(isOpen: boolean): void {
  const flow = useReactFlow<CanvasNode>();
  useEffect(() => {
    if (!isOpen) return;
    // By the next frame, the panel has taken its space.
    const frame = requestAnimationFrame(() => {
      const canvas = document.querySelector('.react-flow');
      const nodes = flow.getNodes();
      if (!canvas || !nodes.length) return;
      const { clientWidth: width, clientHeight: height } = canvas;
      const bounds = flow.getNodesBounds(nodes);
      const { x, y, zoom } = flow.getViewport();
      const [left, top] = [bounds.x * zoom + x, bounds.y * zoom + y];
      const [right, bottom] = [left + bounds.width * zoom, top + bounds.height * zoom];
      const isVisible = left >= 0 && top >= 0 && right <= width && bottom <= height;
      const fitted = getViewportForBounds(bounds, width, height, 0.1, Math.min(1, zoom), PADDING);
      if (!isVisible && fitted.zoom >= READABLE_ZOOM) void flow.setViewport(fitted, { duration: 250 });
    });
    return () => cancelAnimationFrame(frame);
  }, [isOpen, flow]);
}
