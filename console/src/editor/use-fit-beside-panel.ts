import { getViewportForBounds, useReactFlow, type XYPosition } from '@xyflow/react';
import { useEffect } from 'react';
import type { CanvasNode } from '@/canvas/graph-of';

const READABLE_ZOOM = 0.45;
const PADDING = 0.08;
const MARGIN = 24;

/** Fit the graph into the canvas beside an opened run panel, or show its beginning if no block is visible. */
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
      const isInside = (at: XYPosition | undefined) =>
        at !== undefined &&
        at.x * zoom + x >= 0 &&
        at.x * zoom + x < width &&
        at.y * zoom + y >= 0 &&
        at.y * zoom + y < height;
      const isVisible = left >= 0 && top >= 0 && right <= width && bottom <= height;
      const fitted = getViewportForBounds(bounds, width, height, 0.1, Math.min(1, zoom), PADDING);
      if (isVisible) return;
      if (fitted.zoom >= READABLE_ZOOM) void flow.setViewport(fitted, { duration: 250 });
      else if (!nodes.some(({ id }) => isInside(flow.getInternalNode(id)?.internals.positionAbsolute))) {
        const middle = (height - bounds.height * zoom) / 2;
        void flow.setViewport({ x: MARGIN - bounds.x * zoom, y: middle - bounds.y * zoom, zoom }, { duration: 250 });
      }
    });
    return () => cancelAnimationFrame(frame);
  }, [isOpen, flow]);
}
