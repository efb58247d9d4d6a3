import { useReactFlow } from '@xyflow/react';
import { useCallback } from 'react';
import type { CanvasNode } from '@/canvas/graph-of';

/** Return a function that pans the canvas to blocks if none of them is visible. */
export function useReveal(): (ids: readonly string[]) => void {
  const flow = useReactFlow<CanvasNode>();
  return useCallback(
    (ids) => {
      const isSeen = (id: string) => {
        const at = flow.getInternalNode(id)?.internals.positionAbsolute;
        const shown = document.querySelector('.react-flow')?.getBoundingClientRect();
        if (!at || !shown) return false;
        const { x, y } = flow.flowToScreenPosition(at);
        return x >= shown.left && x < shown.right && y >= shown.top && y < shown.bottom;
      };
      requestAnimationFrame(() => {
        if (ids.some(isSeen)) return;
        const nodes = ids.map((id) => ({ id }));
        void flow.fitView({ nodes, maxZoom: flow.getZoom(), padding: 0.15, duration: 250 });
      });
    },
    [flow],
  );
}
