import './flow.css';
import { ReactFlow, ReactFlowProvider } from '@xyflow/react';
import { useMemo } from 'react';
import { useCatalog } from '@/api/catalog';
import type { WorkflowState } from '@/workflow/state';
import { NODE_TYPES } from './canvas';
import { edgesOf, type Marks, nodesOf } from './graph-of';
import styles from './preview.module.css';

const NO_MARKS: Marks = {};

/** Read-only graph that can be panned and zoomed. */
export function Preview({ state, marks = NO_MARKS, label }: { state: WorkflowState; marks?: Marks; label: string }) {
  const catalog = useCatalog();
  const nodes = useMemo(() => nodesOf(state, catalog, marks, true), [state, catalog, marks]);
  const edges = useMemo(() => edgesOf(state, marks.runs), [state, marks]);
  return (
    <div className={styles.preview}>
      <ReactFlowProvider>
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={NODE_TYPES}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          deleteKeyCode={null}
          minZoom={0.05}
          fitView
          fitViewOptions={{ maxZoom: 0.9, padding: 0.12 }}
          attributionPosition="bottom-left"
          aria-label={label}
        />
      </ReactFlowProvider>
    </div>
  );
}
