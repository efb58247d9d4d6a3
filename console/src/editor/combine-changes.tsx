import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { Draft } from '@/api/draft';
import { count } from '@/app/format';
import { SettingValues } from '@/deploy/setting-values';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { SegmentedControl } from '@/ui/segmented-control';
import { LoadError, Skeleton } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import type { Catalog } from '@/workflow/catalog';
import type { DraftSaver } from '@/workflow/draft-saver';
import { type Conflict, conflictsOf, merge, type Side, settingChanges } from '@/workflow/merge';
import type { Block, WorkflowState } from '@/workflow/state';
import styles from './combine-changes.module.css';

interface Props {
  saver: DraftSaver;
  catalog: Catalog;
  onClose: () => void;
}

/** Dialog that combines unsaved changes with those of another author, block by block. */
export function CombineChanges({ saver, catalog, onClose }: Props) {
  const conflict = useQuery({
    queryKey: ['draft-conflict'],
    queryFn: () => saver.readConflict(),
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
  return (
    <Dialog title="Combine changes" size="l" open onClose={onClose}>
      {conflict.isPending && <Skeleton rows={3} />}
      {conflict.isLoadingError && <LoadError error={conflict.error} onRetry={conflict.refetch} />}
      {conflict.data && <Choices {...conflict.data} {...{ saver, catalog, onClose }} />}
    </Dialog>
  );
}

const SIDES = [
  ['mine', 'Mine'],
  ['theirs', 'Theirs'],
] as const;

function Choices({ base, theirs, saver, catalog, onClose }: Props & { base: WorkflowState; theirs: Draft }) {
  const { fail } = useToasts();
  const [choices, setChoices] = useState<ReadonlyMap<string, Side>>(new Map());
  const [busy, setBusy] = useState(false);
  const mine = saver.store.state();
  const conflicts = useMemo(() => conflictsOf(base, mine, theirs.state), [base, mine, theirs]);
  const save = () => {
    setBusy(true);
    saver
      .resolve(theirs, merge(base, mine, theirs.state, choices))
      .catch(fail)
      .finally(onClose);
  };
  return (
    <div className={styles.choices}>
      <p>
        {conflicts.length
          ? `You both changed ${count(conflicts.length, 'item')}. Choose whose change to keep; all other changes are combined.`
          : 'You changed different blocks. Both changes are combined.'}
      </p>
      {conflicts.map((each) => (
        <section key={each.key} className={styles.conflict} aria-label={each.name}>
          <div className={styles.head}>
            <h3>{each.name}</h3>
            <SegmentedControl
              label={`Change to keep in ${each.name}`}
              value={choices.get(each.key) ?? 'mine'}
              options={SIDES}
              onChange={(side) => setChoices(new Map(choices).set(each.key, side))}
            />
          </div>
          <Differences conflict={each} catalog={catalog} />
        </section>
      ))}
      <div className={styles.actions}>
        <Button onClick={onClose}>Cancel</Button>
        <Button variant="primary" busy={busy} onClick={save}>
          Save combined draft
        </Button>
      </div>
    </div>
  );
}

/** Both values of each setting that differs, or a note that one author deleted the item. */
function Differences({ conflict, catalog }: { conflict: Conflict; catalog: Catalog }) {
  const { mine, theirs } = conflict;
  if (!mine) return <p className={styles.about}>You deleted it, and they changed it.</p>;
  if (!theirs) return <p className={styles.about}>They deleted it, and you changed it.</p>;
  const settings = catalog.get((mine as Block).type)?.settings ?? [];
  return settingChanges(conflict).map(({ field, ...values }) => {
    const setting = settings.find(({ id }) => id === field);
    const label = setting?.title ?? field;
    return (
      <div key={field}>
        <p className={styles.about}>{label}: theirs, then mine</p>
        <SettingValues
          label={label}
          before={values.theirs}
          after={values.mine}
          setting={setting}
          names={['Theirs', 'Mine']}
        />
      </div>
    );
  });
}
