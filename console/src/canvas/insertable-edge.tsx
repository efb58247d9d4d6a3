import { BaseEdge, type EdgeProps, getSmoothStepPath } from '@xyflow/react';
import { createContext, memo, useContext } from 'react';
import styles from './insertable-edge.module.css';

/** Callback that inserts a block on an edge. */
export const InsertContext = createContext<(edge: string) => void>(() => undefined);

/** Edge with a button that inserts a block. For the keyboard, the shortcut for adding a block does the same. */
export const InsertableEdge = memo(function InsertableEdge(props: EdgeProps) {
  const insert = useContext(InsertContext);
  const [path, x, y] = getSmoothStepPath(props);
  return (
    <>
      <BaseEdge id={props.id} path={path} markerEnd={props.markerEnd} interactionWidth={props.interactionWidth} />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: see above */}
      <g
        className={styles.insert}
        data-insert
        transform={`translate(${x} ${y})`}
        onClick={(event) => {
          event.stopPropagation();
          insert(props.id);
        }}
      >
        <title>Insert block</title>
        <circle r={11} />
        <path d="M-4.5 0h9M0 -4.5v9" />
      </g>
    </>
  );
});
