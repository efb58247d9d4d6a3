import { Handle, type Node, type NodeProps, NodeResizer, Position } from '@xyflow/react';
import { memo } from 'react';
import { classNames } from '@/ui/class-names';
import { mainHandle, startHandle } from '@/workflow/branches';
import { CONTAINER_SIZE } from '@/workflow/edit';
import type { Block } from '@/workflow/state';
import { BlockIcon } from './block-icon';
import blockStyles from './block-node.module.css';
import styles from './container-node.module.css';
import { type Change, Mark, type RunMark } from './marks';

export interface ContainerNodeData extends Record<string, unknown> {
  block: Block;
  readOnly: boolean;
  onResize?: (id: string, size: { width: number; height: number }) => void;
  run?: RunMark;
  change?: Change;
}

type ContainerNodeType = Node<ContainerNodeData, 'container'>;

export const ContainerNode = memo(function ContainerNode({ id, data, selected }: NodeProps<ContainerNodeType>) {
  const { block, readOnly, onResize, run, change } = data;
  return (
    <div
      className={classNames(styles.container, selected && styles.selected, block.enabled === false && styles.off)}
      data-run={run?.status}
      data-change={change}
    >
      {!readOnly && (
        <NodeResizer
          isVisible={selected}
          minWidth={CONTAINER_SIZE.width / 2}
          minHeight={CONTAINER_SIZE.height / 2}
          onResizeEnd={(_, { width, height }) => onResize?.(id, { width, height })}
        />
      )}
      <Handle
        className={classNames(blockStyles.handle, styles.in)}
        type="target"
        position={Position.Left}
        id="target"
      />
      <div className={styles.head}>
        <BlockIcon type={block.type} />
        <span className={styles.name}>{block.name}</span>
        <span className={styles.how}>{iterationText(block)}</span>
        <Mark run={run} />
      </div>
      <div className={styles.start}>
        Start
        <Handle
          className={classNames(blockStyles.handle, styles.startHandle)}
          type="source"
          position={Position.Right}
          id={startHandle(block)}
        />
      </div>
      <Handle
        className={classNames(blockStyles.handle, styles.out)}
        type="source"
        position={Position.Right}
        id={mainHandle(block)}
      />
    </div>
  );
});

function iterationText({ type, data = {} }: Block): string {
  const times = `${data.count || 5}`;
  if (type === 'parallel') return data.parallelType === 'collection' ? 'for each item' : `${times} in parallel`;
  switch (data.loopType) {
    case 'forEach':
      return 'for each item';
    case 'while':
      return 'while';
    case 'doWhile':
      return 'do while';
    default:
      return `${times} times`;
  }
}
