import { SearchX } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { isStatus } from '@/api/errors';
import { type RecordedBlock, type Recording, useRecording } from '@/api/recordings';
import { duration, formatTimestamp } from '@/app/format';
import { Page, PageSkeleton } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { ReplayRunDialog } from '@/replays/replay-run-dialog';
import styles from '@/replays/replays.module.css';
import { WorkflowLink } from '@/replays/workflow-link';
import { Fact, Facts } from '@/runs/facts';
import { STATUS_LABELS } from '@/runs/labels';
import { Button, ButtonLink } from '@/ui/button';
import { JsonView } from '@/ui/json-view';
import { Empty, InlineError, LoadError } from '@/ui/states';

/** Names of the effects of a block outside its run. */
const EFFECTS: Record<string, string> = {
  model: 'Model',
  read: 'Reads outside',
  write: 'Writes outside',
  pause: 'Pause',
};

/** Page of a recorded run: exact values of the run and its blocks. */
export function RecordingPage({ id, runId }: { id: string; runId: string }) {
  useTitle('Recording');
  const recording = useRecording(id, runId);
  if (isStatus(recording.error, 404)) {
    return (
      <Empty icon={<SearchX size={22} aria-hidden />} title="Recording not found">
        It may have expired. <Link href={`/workflows/${id}/recordings`}>View all recordings</Link>
      </Empty>
    );
  }
  if (recording.isLoadingError) return <LoadError error={recording.error} onRetry={recording.refetch} />;
  if (!recording.data) return <PageSkeleton />;
  return <Details id={id} runId={runId} recording={recording.data} />;
}

function Details({ id, runId, recording }: { id: string; runId: string; recording: Recording }) {
  const [isReplaying, setReplaying] = useState(false);
  const { status = 'completed' } = recording;
  return (
    <Page
      title="Recording"
      help="recordings"
      about={
        <>
          <WorkflowLink id={id} /> / <Link href={`/workflows/${id}/recordings`}>Recordings</Link> / <code>{runId}</code>
        </>
      }
      actions={
        <>
          <ButtonLink href={`/runs/${id}/${runId}`}>View run</ButtonLink>
          <Button onClick={() => setReplaying(true)}>Replay this run</Button>
        </>
      }
    >
      <Facts>
        <Fact name="Status">{STATUS_LABELS[status as keyof typeof STATUS_LABELS] ?? status}</Fact>
        <Fact name="Version">{recording.version === undefined ? 'Draft' : `v${recording.version}`}</Fact>
        <Fact name="Started">{recording.startedAt ? formatTimestamp(recording.startedAt) : '–'}</Fact>
        <Fact name="Duration">{duration(recording.durationMs ?? 0)}</Fact>
      </Facts>
      <p className={styles.quiet}>The audit log lists this reading.</p>
      {recording.isCut && <p>This recording is incomplete: it reached its size limit, or a worker was lost.</p>}
      <InlineError error={recording.error} />
      <section className={styles.stack} aria-label="Blocks">
        <h2>Blocks</h2>
        {(recording.blocks ?? []).map((block) => (
          <Block key={block.path} block={block} />
        ))}
      </section>
      <div className={styles.sides}>
        <JsonView label="Input" value={recording.input ?? null} />
        <JsonView label="Output" value={recording.output ?? null} />
      </div>
      {isReplaying && <ReplayRunDialog workflowId={id} runId={runId} onClose={() => setReplaying(false)} />}
    </Page>
  );
}

/** A block of the run. Its values appear when it is opened. */
function Block({ block }: { block: RecordedBlock }) {
  const [isOpen, setOpen] = useState(false);
  const effect = EFFECTS[block.effect ?? ''];
  return (
    <details className={styles.block} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <strong>{block.blockName || block.blockId}</strong>{' '}
        <span className={styles.quiet}>
          {[block.path === block.blockId ? '' : block.path, effect, duration(block.durationMs ?? 0)]
            .filter(Boolean)
            .join(' · ')}
        </span>
      </summary>
      {isOpen && (
        <>
          <InlineError error={block.error} />
          <div className={styles.sides}>
            <JsonView label="Inputs" value={block.inputs ?? null} />
            <JsonView label="Output" value={block.output ?? null} />
          </div>
        </>
      )}
    </details>
  );
}
