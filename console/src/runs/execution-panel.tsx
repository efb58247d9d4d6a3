import { X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useCatalog } from '@/api/catalog';
import type { Span } from '@/api/runs';
import { duration, formatTimestamp } from '@/app/format';
import { BlockIcon } from '@/canvas/block-icon';
import panel from '@/panel/block-panel.module.css';
import { IconButton } from '@/ui/button';
import { Field, Select } from '@/ui/field';
import { Badge, Empty } from '@/ui/states';
import type { Block } from '@/workflow/state';
import styles from './execution-panel.module.css';
import { statusOf } from './recorded-blocks';
import { SpanDetails } from './span-details';

interface Props {
  block: Block;
  executions: readonly Span[];
  /** Whether the run has ended. */
  ended: boolean;
  onClose: () => void;
  /** What the user can do with the block. */
  children?: ReactNode;
}

const BADGES = { done: ['green', 'Completed'], failed: ['red', 'Failed'], paused: ['amber', 'Waiting'] } as const;

/** Panel with the executions of a block: status, time, input and output of the chosen one, at first the failed one. */
export function ExecutionPanel({ block, executions, ended, onClose, children }: Props) {
  const type = useCatalog().get(block.type);
  const [chosen, setChosen] = useState<number | null>(null);
  const failed = executions.findIndex((span) => statusOf(span) === 'failed');
  const at = chosen ?? (failed === -1 ? executions.length - 1 : failed);
  const span = executions[at];
  return (
    <aside className={panel.panel} aria-label={`Run of ${block.name}`} tabIndex={-1}>
      <header className={panel.head}>
        <BlockIcon type={block.type} size={26} />
        <div className={panel.titles}>
          <h2>{block.name}</h2>
          <p className={panel.about}>{type?.title ?? block.type}</p>
        </div>
        <IconButton label="Close panel" onClick={onClose}>
          <X size={17} aria-hidden />
        </IconButton>
      </header>
      <div className={panel.body}>
        {executions.length > 1 && (
          <Field label="Execution">
            {(control) => (
              <Select {...control} value={at} onChange={({ target }) => setChosen(Number(target.value))}>
                {executions.map((each, index) => (
                  <option key={each.id} value={index}>
                    {`${index + 1} of ${executions.length}${statusOf(each) === 'failed' ? ', failed' : ''}`}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        )}
        {span ? (
          <div className={styles.execution}>
            <SpanDetails key={span.id} span={span} ended={ended} facts={factsOf(span)} />
          </div>
        ) : (
          <Empty title={ended ? 'Not executed' : 'Not executed yet'}>
            {ended ? 'The run did not reach this block.' : 'The run has not finished this block.'}
          </Empty>
        )}
        {children}
      </div>
    </aside>
  );
}

function factsOf(span: Span): (readonly [string, ReactNode])[] {
  const [tone, label] = BADGES[statusOf(span)];
  return [
    [
      'Status',
      <Badge key="status" tone={tone} dot>
        {label}
      </Badge>,
    ],
    ['Started', formatTimestamp(span.startTime)],
    ['Duration', duration(span.duration)],
  ];
}
