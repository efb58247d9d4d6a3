import './flow.css';
import { type NodeChange, ReactFlow, ReactFlowProvider } from '@xyflow/react';
import { type ReactNode, useMemo, useState } from 'react';
import { useCatalog } from '@/api/catalog';
import { useStableCallback } from '@/ui/use-stable-callback';
import type { Size, WorkflowState } from '@/workflow/state';
import { NODE_TYPES } from './canvas';
import { type CanvasNode, edgesOf, type Marks, nodesOf } from './graph-of';
import styles from './preview.module.css';

const NO_MARKS: Marks = {};

interface Props {
  state: WorkflowState;
  marks?: Marks;
  label: string;
  selected?: string | null;
  /** Called with the block that the user selects, or null for none. Without it, blocks cannot be selected. */
  onSelect?: (id: string | null) => void;
  /** Controls on top of the graph. */
  children?: ReactNode;
}

/** Read-only graph that can be panned and zoomed. */
export function Preview({ state, marks = NO_MARKS, label, selected = null, onSelect, children }: Props) {
  const catalog = useCatalog();
  const drawn = useMemo(() => nodesOf(state, catalog, marks, true), [state, catalog, marks]);
  // Without their sizes, changed nodes would be hidden until React Flow has measured them again.
  const [sizes, setSizes] = useState<ReadonlyMap<string, Size>>(new Map());
  const nodes = useMemo(
    () =>
      drawn.map((node) => ({
        ...node,
        measured: sizes.get(node.id),
        selected: node.id === selected,
        ...(node.type === 'note' && { selectable: false, focusable: false }),
      })),
    [drawn, sizes, selected],
  );
  const edges = useMemo(() => edgesOf(state, marks.runs), [state, marks]);
  const onNodesChange = useStableCallback((changes: NodeChange<CanvasNode>[]) => {
    const measured = changes.flatMap((change) =>
      change.type === 'dimensions' && change.dimensions ? [[change.id, change.dimensions] as const] : [],
    );
    if (measured.length) setSizes((before) => new Map([...before, ...measured]));
    const choices = changes.flatMap((change) => (change.type === 'select' ? [change] : []));
    if (choices.length) onSelect?.(choices.find((choice) => choice.selected)?.id ?? null);
  });
  return (
    <div className={styles.preview}>
      <ReactFlowProvider>
        <ReactFlow<CanvasNode>
          nodes={nodes}
          edges={edges}
          nodeTypes={NODE_TYPES}
          onNodesChange={onNodesChange}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={onSelect !== undefined}
          edgesFocusable={false}
          elementsSelectable={onSelect !== undefined}
          deleteKeyCode={null}
          minZoom={0.05}
          fitView
          fitViewOptions={{ maxZoom: 0.9, padding: 0.12 }}
          attributionPosition="bottom-left"
          aria-label={label}
        >
          {children}
        </ReactFlow>
      </ReactFlowProvider>
    </div>
  );
}
