import { Maximize2 } from 'lucide-react';
import { useState } from 'react';
import { useVersionState, useVersions, type VersionRow, versionTitle } from '@/api/deployments';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { Preview } from '@/canvas/preview';
import { IconButton } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { SegmentedControl } from '@/ui/segmented-control';
import { Empty, LoadError, Skeleton } from '@/ui/states';
import type { DraftSaver } from '@/workflow/draft-saver';
import { Compare } from './compare';
import styles from './general-tab.module.css';
import { type Acceptance, ProblemList } from './problem-list';
import { VersionTable } from './version-table';

interface Props extends Acceptance {
  workflow: WorkflowRow;
  saver: DraftSaver;
  onEditBlock: (id: string) => void;
  onLoaded: (version: VersionRow) => Promise<void>;
}

export function GeneralTab({ workflow, saver, onEditBlock, onLoaded, ...acceptance }: Props) {
  const { workspace } = useSignedIn();
  const deployment = useDeployment(workflow.id);
  const versions = useVersions(workflow.id);
  const [selected, setSelected] = useState<number | null>(null);
  const [compared, setCompared] = useState<VersionRow | null>(null);
  const [side, setSide] = useState<'live' | 'selected'>('live');
  const [large, setLarge] = useState(false);

  const liveNumber = deployment.data?.activeDeployment?.version ?? null;
  const chosen = versions.data?.find((version) => version.version === selected && !version.isActive) ?? null;
  const shown = chosen && side === 'selected' ? chosen.version : liveNumber;
  const state = useVersionState(workflow.id, shown);
  const title = chosen && side === 'selected' ? versionTitle(chosen) : 'Live Workflow';

  const select = (number: number) => {
    setSelected(number);
    setSide('selected');
  };

  return (
    <div className={styles.tab}>
      <section className={styles.part} aria-label={title}>
        <div className={styles.head}>
          <h3>{title}</h3>
          {chosen && liveNumber !== null && (
            <SegmentedControl
              label="Version shown"
              value={side}
              options={[
                ['live', 'Live'],
                ['selected', versionTitle(chosen)],
              ]}
              onChange={setSide}
            />
          )}
        </div>
        <div className={styles.preview}>
          {shown === null && !deployment.isPending && <Empty title="Deploy your workflow to see a preview" />}
          {shown !== null && state.isLoadingError && <LoadError error={state.error} onRetry={state.refetch} />}
          {state.data && <Preview key={shown} state={state.data} label={`Preview of ${title}`} />}
          {state.data && (
            <IconButton
              className={styles.expand}
              variant="secondary"
              label="See preview"
              onClick={() => setLarge(true)}
            >
              <Maximize2 size={16} aria-hidden />
            </IconButton>
          )}
        </div>
      </section>
      <ProblemList
        workflowId={workflow.id}
        canDeploy={can(workspace.role, 'admin')}
        onEditBlock={onEditBlock}
        {...acceptance}
      />
      <section className={styles.part} aria-label="Versions">
        <h3>Versions</h3>
        {versions.isPending && <Skeleton rows={2} />}
        {versions.isLoadingError && <LoadError error={versions.error} onRetry={versions.refetch} />}
        {versions.data && (
          <VersionTable
            workflowId={workflow.id}
            saver={saver}
            versions={versions.data}
            selected={selected}
            onSelect={select}
            onCompare={setCompared}
            onLoaded={onLoaded}
          />
        )}
      </section>
      {state.data && large && (
        <Dialog title={title} size="full" open onClose={() => setLarge(false)}>
          <div className={styles.large}>
            <Preview state={state.data} label={`Large preview of ${title}`} />
          </div>
        </Dialog>
      )}
      {compared && (
        <Compare
          workflowId={workflow.id}
          saver={saver}
          version={compared}
          live={liveNumber}
          onClose={() => setCompared(null)}
        />
      )}
    </div>
  );
}
