import { useReactFlow } from '@xyflow/react';
import { useCallback } from 'react';
import { blockElement } from '@/canvas/block-element';
import type { CanvasNode } from '@/canvas/graph-of';
import { type BlockType, newBlock } from '@/workflow/catalog';
import { copy, paste } from '@/workflow/copy-paste';
import type { DraftStore } from '@/workflow/draft-store';
import { removeBlocks } from '@/workflow/edit';
import { canFollow, insertBlock, type Placement, placementAfter } from '@/workflow/insert';
import type { WorkflowState } from '@/workflow/state';
import type { MenuTarget } from './canvas-menu';
import { readClipboard, writeClipboard } from './clipboard';
import { useReveal } from './use-reveal';

/** Zoom at which a found block is readable. */
const READABLE_ZOOM = 0.8;

/** Return edits of the blocks on the canvas. An edit selects the blocks that it inserts. */
export function useBlockEditing(
  store: DraftStore,
  state: WorkflowState,
  selected: readonly string[],
  select: (ids: string[]) => void,
) {
  const flow = useReactFlow<CanvasNode>();
  const reveal = useReveal();
  const chosen = selected.length === 1 ? state.blocks[selected[0] as string] : undefined;

  const measured = useCallback(
    () =>
      new Map(
        flow
          .getNodes()
          .map((node) => [node.id, { width: node.measured?.width ?? 250, height: node.measured?.height ?? 100 }]),
      ),
    [flow],
  );

  /** Return the position on the canvas of a place on the screen. */
  const onCanvas = (place: { x: number; y: number }) => {
    const { x, y } = flow.screenToFlowPosition(place);
    return { x: Math.round(x), y: Math.round(y) };
  };

  /** Return where a block goes without a placement: on the selected edge, next to the selected block, or in view. */
  const defaultPlacement = (type: BlockType): Placement => {
    const edges = flow.getEdges().filter((edge) => edge.selected);
    if (canFollow(type) && chosen && chosen.type !== 'note') return placementAfter(state, chosen, null, measured());
    if (canFollow(type) && !selected.length && edges[0] && edges.length === 1)
      return { kind: 'edge', edge: edges[0].id };
    const shown = document.querySelector('.react-flow')?.getBoundingClientRect();
    const middle = shown ? { x: shown.x + shown.width / 2 - 125, y: shown.y + shown.height / 2 - 60 } : { x: 0, y: 0 };
    return { kind: 'free', at: onCanvas(middle) };
  };

  /** Return where a block goes that is added from the canvas menu. */
  const placementAt = (target: MenuTarget): Placement | null => {
    if (target.kind === 'canvas') return { kind: 'free', at: onCanvas(target.at) };
    if (target.kind === 'edge') return { kind: 'edge', edge: target.id };
    const block = state.blocks[target.id];
    return block ? placementAfter(state, block, null, measured()) : null;
  };

  const insert = (type: BlockType, placement: Placement | null) => {
    const made = insertBlock(store.state(), newBlock(type), placement ?? defaultPlacement(type), measured());
    store.edit(() => made.state);
    select([made.id]);
  };

  const arrange = useCallback(async () => {
    const { autoLayout } = await import('@/workflow/layout');
    store.edit((current) => autoLayout(current, measured()));
    requestAnimationFrame(() => void flow.fitView({ maxZoom: 1, padding: 0.15, duration: 250 }));
  }, [flow, store, measured]);

  const duplicate = (piece = copy(state, selected)) => {
    if (!piece.blocks.length) return;
    const pasted = paste(store.state(), piece);
    store.edit(() => pasted.state);
    select(pasted.ids);
    if (pasted.ids.length > 1) reveal(pasted.ids);
  };

  /** Focus a block, and center the canvas on it. */
  const show = (id: string) => {
    blockElement(id)?.focus();
    const node = flow.getInternalNode(id);
    if (!node) return;
    const { x, y } = node.internals.positionAbsolute;
    const { width = 0, height = 0 } = node.measured;
    const zoom = Math.max(flow.getZoom(), READABLE_ZOOM);
    // Without an animation, which would compete with the panning for the opened panel.
    void flow.setCenter(x + width / 2, y + height / 2, { zoom });
  };

  const removeSelected = () =>
    void flow.deleteElements({
      nodes: flow.getNodes().filter((node) => node.selected),
      edges: flow.getEdges().filter((edge) => edge.selected),
    });

  const cut = (ids: readonly string[]) => {
    if (!ids.length) return;
    writeClipboard(copy(state, ids));
    store.edit((current) => removeBlocks(current, ids));
  };

  const pasteBlocks = () => duplicate(readClipboard() ?? { blocks: [], edges: [] });

  return { arrange, cut, duplicate, insert, paste: pasteBlocks, placementAt, removeSelected, reveal, show };
}
