import './flow.css';
import {
  applyNodeChanges,
  Background,
  BackgroundVariant,
  type Connection,
  Controls,
  type Edge,
  type EdgeChange,
  type FinalConnectionState,
  MiniMap,
  type NodeChange,
  ReactFlow,
  useNodesInitialized,
  useReactFlow,
} from '@xyflow/react';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useToasts } from '@/ui/toasts';
import { useStableCallback } from '@/ui/use-stable-callback';
import type { Catalog } from '@/workflow/catalog';
import type { DraftStore } from '@/workflow/draft-store';
import { connect, move, moveInto, removeBlocks, removeEdges, setData } from '@/workflow/edit';
import { connectionProblem } from '@/workflow/graph';
import { levelOf, type Placement } from '@/workflow/insert';
import { type Block, isContainer, type Point, parentOf, type WorkflowState } from '@/workflow/state';
import { BlockNode, NoteNode } from './block-node';
import { ContainerNode } from './container-node';
import { type CanvasNode, edgesOf, type Marks, nodesOf } from './graph-of';
import { InsertableEdge, InsertContext } from './insertable-edge';
import { reuseUnchanged, useUnchangedItems } from './reuse-unchanged';
import { useDraftState } from './use-draft';

const ADDING_KEYS = ['Shift', 'Meta', 'Control'];
export const NODE_TYPES = { block: BlockNode, note: NoteNode, container: ContainerNode };
const EDGE_TYPES = { smoothstep: InsertableEdge };
/** Number of blocks from which the minimap is shown. */
const MANY_BLOCKS = 10;
/** Distance from a handle, in pixels, within which a dropped connection is taken for a click. */
const DROP_DISTANCE = 40;
/** Position of a block's handles, and its width. */
const PORT_TOP = 20;
const BLOCK_WIDTH = 250;

interface CanvasProps {
  store: DraftStore;
  catalog: Catalog;
  marks: Marks;
  readOnly: boolean;
  selected: readonly string[];
  onSelect: (ids: string[]) => void;
  /** Called to choose a block for a placement: a connection was dropped on the canvas, or an edge was clicked. */
  onAdd: (placement: Placement) => void;
}

/** Editable graph of the draft. */
export function Canvas({ store, catalog, marks, readOnly, selected, onSelect, onAdd }: CanvasProps) {
  const state = useDebouncedState(store);
  const flow = useReactFlow<CanvasNode>();
  const { notify } = useToasts();
  const [nodes, setNodes] = useState<CanvasNode[]>([]);
  const [chosenEdges, setChosenEdges] = useState<ReadonlySet<string>>(new Set());

  /** Resize a container. Its position and the positions of its children change with it, in one edit. */
  const resize = useCallback(
    (id: string, size: { width: number; height: number }) => {
      const moved = flow.getNodes().filter((node) => node.id === id || node.parentId === id);
      const places = rounded(moved.map((node) => [node.id, node.position] as const));
      const data = { width: Math.round(size.width), height: Math.round(size.height) };
      store.edit((current) => setData(move(current, places), id, data));
    },
    [store, flow],
  );

  useEffect(() => {
    const made = nodesOf(state, catalog, marks, readOnly);
    setNodes((shown) => {
      const before = new Map(shown.map((node) => [node.id, node]));
      const now = made.map((node) => ({
        ...node,
        data: { ...node.data, onResize: resize },
        measured: before.get(node.id)?.measured,
        selected: selected.includes(node.id),
      }));
      return reuseUnchanged(shown, now);
    });
  }, [state, catalog, marks, readOnly, selected, resize]);

  const edges = useUnchangedItems(
    useMemo(
      () => edgesOf(state, marks.runs).map((edge) => ({ ...edge, selected: chosenEdges.has(edge.id) })),
      [state, marks.runs, chosenEdges],
    ),
  );

  useReadableStart();

  const onNodesChange = useStableCallback((changes: NodeChange<CanvasNode>[]) => {
    setNodes((shown) => applyNodeChanges(changes, shown));
    const choices = changes.filter((change) => change.type === 'select');
    if (choices.length) {
      const now = new Set(selected);
      for (const { id, selected: on } of choices) on ? now.add(id) : now.delete(id);
      onSelect([...now]);
    }
    if (changes.some((change) => change.type === 'dimensions' && change.resizing)) return;
    const settled = changes.flatMap((change) =>
      change.type === 'position' && !change.dragging && change.position ? [[change.id, change.position] as const] : [],
    );
    if (settled.length) settle(settled);
  });

  const onEdgesChange = useStableCallback((changes: EdgeChange[]) => {
    const choices = changes.filter((change) => change.type === 'select');
    if (!choices.length) return;
    setChosenEdges((before) => {
      const now = new Set(before);
      for (const { id, selected: on } of choices) on ? now.add(id) : now.delete(id);
      return now;
    });
  });

  /** Save node positions to the draft, after a drag or a keyboard move. */
  const settle = (places: readonly (readonly [string, Point])[]) => {
    const positions = rounded(places);
    store.edit((current) => move(current, positions), moving(positions.keys()));
  };

  const onNodeDragStop = useStableCallback((_: unknown, node: CanvasNode, moved: CanvasNode[]) => {
    settle(moved.map((each) => [each.id, each.position]));
    if (moved.length !== 1) return;
    const container = flow
      .getIntersectingNodes(node)
      .filter((each) => isContainer(state.blocks[each.id]) && each.id !== node.id && !isInside(each.id, node.id))
      .at(-1);
    const parent = container?.id ?? null;
    if (parent === parentOf(state, node.id)) return;
    const at = absolute(node.id);
    const origin = parent ? absolute(parent) : { x: 0, y: 0 };
    const place = { x: Math.round(at.x - origin.x), y: Math.round(at.y - origin.y) };
    store.edit((current) => moveInto(current, node.id, parent, place), moving([node.id]));
  });

  const isInside = (id: string, ancestor: string): boolean => {
    const parent = parentOf(state, id);
    return parent === ancestor || (parent !== null && isInside(parent, ancestor));
  };

  const absolute = (id: string): Point => flow.getInternalNode(id)?.internals.positionAbsolute ?? { x: 0, y: 0 };

  /** Delete blocks and edges in one edit, so that undo restores them together. */
  const onDelete = useStableCallback((gone: { nodes: CanvasNode[]; edges: Edge[] }) =>
    store.edit((current) =>
      removeBlocks(
        removeEdges(
          current,
          gone.edges.map((edge) => edge.id),
        ),
        gone.nodes.map((node) => node.id),
      ),
    ),
  );

  const onConnect = useStableCallback((connection: Connection) => {
    const problem = connectionProblem(state, connection);
    if (problem) notify(problem);
    else store.edit((current) => connect(current, connection));
  });

  const onConnectEnd = useStableCallback(
    (event: MouseEvent | TouchEvent, { from, to, ...ends }: FinalConnectionState) => {
      const handle = ends.fromHandle;
      if (ends.toHandle || !handle?.id || !from || !to || Math.hypot(to.x - from.x, to.y - from.y) < DROP_DISTANCE)
        return;
      const { clientX: x, clientY: y } = 'changedTouches' in event ? (event.changedTouches[0] as Touch) : event;
      const under = document.elementFromPoint(x, y);
      if (!under?.closest('.react-flow')) return;
      const { nodeId, id: handleId } = handle;
      const isSource = handle.type === 'source';
      const onto = under.closest<HTMLElement>('.react-flow__node:not(.react-flow__node-container)')?.dataset.id;
      if (onto) {
        if (isSource) onConnect({ source: nodeId, sourceHandle: handleId, target: onto, targetHandle: 'target' });
        return;
      }
      const parent = isSource ? levelOf(state, nodeId, handleId) : parentOf(state, nodeId);
      const origin = parent ? absolute(parent) : { x: 0, y: 0 };
      const drop = flow.screenToFlowPosition({ x, y });
      const [left, top] = isSource ? [drop.x, drop.y - PORT_TOP] : [drop.x - BLOCK_WIDTH, drop.y - PORT_TOP];
      const at = { x: Math.round(left - origin.x), y: Math.round(top - origin.y) };
      onAdd(
        isSource ? { kind: 'after', source: nodeId, handle: handleId, at } : { kind: 'before', target: nodeId, at },
      );
    },
  );

  const insert = useStableCallback((edge: string) => onAdd({ kind: 'edge', edge }));
  const hasMap = Object.keys(state.blocks).length >= MANY_BLOCKS;

  // Every changed prop makes React Flow check all nodes and handles: pass only what has changed.
  return useMemo(
    () => (
      <InsertContext value={insert}>
        <ReactFlow<CanvasNode, Edge>
          nodes={nodes}
          edges={edges}
          nodeTypes={NODE_TYPES}
          edgeTypes={readOnly ? undefined : EDGE_TYPES}
          nodesConnectable={!readOnly}
          nodesDraggable={!readOnly}
          deleteKeyCode={null}
          multiSelectionKeyCode={ADDING_KEYS}
          selectionKeyCode="Shift"
          connectionRadius={32}
          minZoom={0.1}
          maxZoom={1.75}
          fitView
          fitViewOptions={FIRST_FIT}
          aria-label="Workflow graph"
          {...{ onNodesChange, onEdgesChange, onNodeDragStop, onDelete, onConnect, onConnectEnd }}
        >
          <Background variant={BackgroundVariant.Dots} gap={22} size={1.2} />
          <Controls showInteractive={false} position="bottom-left" />
          {hasMap && <MiniMap className="minimap" ariaLabel="Minimap" position="bottom-right" pannable zoomable />}
        </ReactFlow>
      </InsertContext>
    ),
    [
      nodes,
      edges,
      readOnly,
      hasMap,
      insert,
      onNodesChange,
      onEdgesChange,
      onNodeDragStop,
      onDelete,
      onConnect,
      onConnectEnd,
    ],
  );
}

const TYPING_MS = 150;

/** Return the draft, with typed settings debounced: rendering one block makes React Flow check the whole graph. */
function useDebouncedState(store: DraftStore): WorkflowState {
  const now = useDraftState(store);
  const [drawn, setDrawn] = useState(now);
  useEffect(() => {
    const timer = setTimeout(() => setDrawn(now), TYPING_MS);
    return () => clearTimeout(timer);
  }, [now]);
  return isSameButForSettings(drawn, now) ? drawn : now;
}

function isSameButForSettings(one: WorkflowState, other: WorkflowState): boolean {
  const before = Object.values(one.blocks);
  if (one.edges !== other.edges || before.length !== Object.keys(other.blocks).length) return false;
  return before.every((old) => {
    const now = other.blocks[old.id];
    if (!now || now === old) return now === old;
    return (Object.keys({ ...old, ...now }) as (keyof Block)[]).every(
      (key) => key === 'subBlocks' || old[key] === now[key],
    );
  });
}

function rounded(places: readonly (readonly [string, Point])[]): Map<string, Point> {
  return new Map(places.map(([id, { x, y }]) => [id, { x: Math.round(x), y: Math.round(y) }]));
}

/** Return the undo group of moving these blocks: one undo reverts a drag together with the drop into a container. */
function moving(ids: Iterable<string>): string {
  return `move ${[...ids].join()}`;
}

const FIRST_FIT = { maxZoom: 1, padding: 0.15 };
const READABLE = 0.45;
const FIRST_ZOOM = 0.7;
const EDGE = 48;

/** Zoom to the beginning of a graph that would be unreadable when fitted into the view. */
function useReadableStart(): void {
  const flow = useReactFlow();
  const measured = useNodesInitialized();
  const done = useRef(false);
  // A layout effect, so that blocks do not move after the first paint.
  useLayoutEffect(() => {
    if (!measured || done.current) return;
    done.current = true;
    if (flow.getZoom() >= READABLE) return;
    const { x, y, height } = flow.getNodesBounds(flow.getNodes());
    const room = document.querySelector('.react-flow')?.clientHeight ?? 0;
    const top = Math.max(EDGE, (room - height * FIRST_ZOOM) / 2);
    void flow.setViewport({ x: EDGE - x * FIRST_ZOOM, y: top - y * FIRST_ZOOM, zoom: FIRST_ZOOM });
  }, [measured, flow]);
}
