import { Handle, type Node, type NodeProps, Position } from '@xyflow/react';
import { Ban } from 'lucide-react';
import { memo } from 'react';
import { classNames } from '@/ui/class-names';
import { branchesOf } from '@/workflow/branches';
import type { Block } from '@/workflow/state';
import { BlockIcon } from './block-icon';
import styles from './block-node.module.css';
import { type Change, Mark, type RunMark } from './marks';
import type { SummaryRow } from './summary';

export interface BlockNodeData extends Record<string, unknown> {
  block: Block;
  rows: SummaryRow[];
  isTrigger: boolean;
  hasErrorPort: boolean;
  known: boolean;
  run?: RunMark;
  change?: Change;
}

type BlockNodeType = Node<BlockNodeData, 'block'>;

const ROW_TITLES_OF_BRANCHES = new Set(['Conditions', 'Routes']);

export const BlockNode = memo(function BlockNode({ data, selected }: NodeProps<BlockNodeType>) {
  const { block, rows, isTrigger, hasErrorPort, known, run, change } = data;
  const branches = branchesOf(block);
  const shown = branches.length ? rows.filter((row) => !ROW_TITLES_OF_BRANCHES.has(row.title)) : rows;
  const hasBody = shown.length > 0 || branches.length > 0 || hasErrorPort;
  return (
    <div
      className={classNames(styles.block, selected && styles.selected, block.enabled === false && styles.off)}
      data-run={run?.status}
      data-change={change}
    >
      {!isTrigger && <Handle className={styles.handle} type="target" position={Position.Left} id="target" />}
      <div className={styles.head}>
        <BlockIcon type={block.type} />
        <span className={styles.name}>{block.name}</span>
        {block.enabled === false && <Ban size={14} aria-label="Disabled" />}
        <Mark run={run} />
      </div>
      {!branches.length && (
        <Handle
          className={classNames(styles.handle, styles.main)}
          type="source"
          position={Position.Right}
          id="source"
        />
      )}
      {hasBody && (
        <div className={styles.rows}>
          {!known && <p className={styles.unknown}>This block type is not supported.</p>}
          {branches.map((branch) => (
            <div key={branch.handle} className={styles.row}>
              <span className={styles.key}>{branch.title}</span>
              <span className={styles.value}>{branch.detail || '-'}</span>
              <Handle className={styles.handle} type="source" position={Position.Right} id={branch.handle} />
            </div>
          ))}
          {shown.map((row) => (
            <div key={row.title} className={styles.row}>
              <span className={styles.key}>{row.title}</span>
              <span className={styles.value}>{row.value}</span>
            </div>
          ))}
          {hasErrorPort && (
            <div className={styles.row}>
              <span className={styles.key}>Error</span>
              <Handle
                className={classNames(styles.handle, styles.error)}
                type="source"
                position={Position.Right}
                id="error"
              />
            </div>
          )}
        </div>
      )}
    </div>
  );
});

export const NoteNode = memo(function NoteNode({ data, selected }: NodeProps<Node<BlockNodeData, 'note'>>) {
  const content = data.block.subBlocks.content?.value;
  return (
    <div className={classNames(styles.note, selected && styles.selected)} data-change={data.change}>
      <p className={styles.noteName}>{data.block.name}</p>
      <p>{typeof content === 'string' ? content : ''}</p>
    </div>
  );
});
