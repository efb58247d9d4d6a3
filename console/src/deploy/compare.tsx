import { useMemo, useState } from 'react';
import { useCatalog } from '@/api/catalog';
import { useDiff, useVersionState, type VersionRow, versionTitle } from '@/api/deployments';
import type { Change } from '@/canvas/marks';
import { Preview } from '@/canvas/preview';
import { Dialog } from '@/ui/dialog';
import { SegmentedControl } from '@/ui/segmented-control';
import { Badge, Empty, LoadError, Skeleton } from '@/ui/states';
import type { DraftSaver } from '@/workflow/draft-saver';
import type { WorkflowState } from '@/workflow/state';
import styles from './compare.module.css';
import { SettingValues } from './setting-values';

interface Props {
  workflowId: string;
  saver: DraftSaver;
  version: VersionRow;
  live: number | null;
  onClose: () => void;
}

type Other = 'draft' | 'live';

const TONES = { added: 'green', removed: 'red', changed: 'amber' } as const;

/** Differences between a version and the draft or live version, as a list and on the graph. */
export function Compare({ workflowId, saver, version, live, onClose }: Props) {
  const withLive = live !== null && live !== version.version;
  const [other, setOther] = useState<Other>('draft');
  const after = other === 'live' ? String(live) : 'draft';
  const diff = useDiff(workflowId, String(version.version), after);
  const before = useVersionState(workflowId, version.version);
  const liveState = useVersionState(workflowId, other === 'live' ? live : null);
  const now = other === 'live' ? liveState.data : saver.store.state();
  const changes = useMemo(() => changesOf(before.data, now, diff.data ?? []), [before.data, now, diff.data]);
  const catalog = useCatalog();
  const settingOf = ({ blockId, field }: { blockId: string | null; field: string | null }) => {
    const block = now?.blocks[blockId ?? ''] ?? before.data?.blocks[blockId ?? ''];
    return catalog.get(block?.type ?? '')?.settings.find(({ id }) => id === field);
  };
  const drawn = useMemo(() => (before.data && now ? both(before.data, now) : null), [before.data, now]);
  return (
    <Dialog title={`Compare ${versionTitle(version)}`} size="full" open onClose={onClose}>
      <div className={styles.compare}>
        <section className={styles.words} aria-label="Differences">
          <SegmentedControl
            label="Compare with"
            value={other}
            options={
              withLive
                ? [
                    ['draft', 'With draft'],
                    ['live', `With v${live} (live)`],
                  ]
                : [['draft', 'With draft']]
            }
            onChange={setOther}
          />
          {diff.isPending && <Skeleton rows={4} height="2rem" />}
          {diff.isLoadingError && <LoadError error={diff.error} onRetry={diff.refetch} />}
          {diff.data?.length === 0 && <Empty title="No differences">Block positions are not compared.</Empty>}
          <ol className={styles.list}>
            {diff.data?.map((change, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the list is read-only
              <li key={index} className={styles.change}>
                <Badge tone={TONES[toneOf(change.kind)]}>{toneOf(change.kind)}</Badge>
                <div className={styles.what}>
                  <p>{change.summary}</p>
                  {change.field && change.field !== 'name' && (
                    <SettingValues
                      label={settingOf(change)?.title ?? change.field}
                      before={change.before}
                      after={change.after}
                      setting={settingOf(change)}
                    />
                  )}
                </div>
              </li>
            ))}
          </ol>
        </section>
        <div className={styles.graph}>
          {drawn && <Preview key={after} state={drawn} marks={{ changes }} label="Graph of the differences" />}
        </div>
      </div>
    </Dialog>
  );
}

function toneOf(kind: string): keyof typeof TONES {
  if (kind.endsWith('added')) return 'added';
  return kind.endsWith('removed') ? 'removed' : 'changed';
}

function changesOf(
  before: WorkflowState | undefined,
  now: WorkflowState | undefined,
  rows: readonly { kind: string; blockId: string | null }[],
): Map<string, Change> {
  const found = new Map<string, Change>();
  if (!before || !now) return found;
  for (const { blockId } of rows) if (blockId) found.set(blockId, 'changed');
  for (const id of Object.keys(now.blocks)) if (!before.blocks[id]) found.set(id, 'added');
  for (const id of Object.keys(before.blocks)) if (!now.blocks[id]) found.set(id, 'removed');
  return found;
}

/** Return the newer state plus the blocks and edges that were removed from it. */
function both(before: WorkflowState, now: WorkflowState): WorkflowState {
  const known = new Set(now.edges.map((edge) => edge.id));
  const gone = before.edges.filter(
    (edge) => !known.has(edge.id) && !(now.blocks[edge.source] && now.blocks[edge.target]),
  );
  return { ...now, blocks: { ...before.blocks, ...now.blocks }, edges: [...now.edges, ...gone] };
}
