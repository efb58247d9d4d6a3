import { Disc } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { type RecordingRow, useDeleteRecording, useRecordings } from '@/api/recordings';
import { duration, formatDate } from '@/app/format';
import { Page } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { ReplayRunDialog } from '@/replays/replay-run-dialog';
import { WorkflowLink } from '@/replays/workflow-link';
import { STATUS_LABELS, TRIGGER_LABELS } from '@/runs/labels';
import { ActionTable } from '@/ui/action-table';
import { Button, ButtonLink } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { Empty, LoadError, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { useToasts } from '@/ui/toasts';

/** Page with the recorded runs of a workflow. */
export function RecordingsPage({ id }: { id: string }) {
  useTitle('Recordings');
  return (
    <Page
      title="Recordings"
      help="recordings"
      about={<WorkflowLink id={id} />}
      actions={<ButtonLink href={`/workflows/${id}/replays`}>View replays</ButtonLink>}
    >
      <Recordings id={id} />
    </Page>
  );
}

function Recordings({ id }: { id: string }) {
  const recordings = useRecordings(id);
  if (recordings.isPending) return <Skeleton rows={6} />;
  if (recordings.isLoadingError) return <LoadError error={recordings.error} onRetry={recordings.refetch} />;
  const rows = recordings.data.pages.flatMap((page) => page.data);
  if (!rows.length) {
    return (
      <Empty icon={<Disc size={22} aria-hidden />} title="No recordings yet">
        Turn on recording in the Deploy window, then call the workflow.
      </Empty>
    );
  }
  return (
    <>
      <ActionTable label="Recordings" columns={['Run', 'Status', 'Caller', 'Version', 'Started', 'Duration']}>
        {rows.map((row) => (
          <Row key={row.runId} id={id} recording={row} />
        ))}
      </ActionTable>
      {recordings.hasNextPage && (
        <Button busy={recordings.isFetchingNextPage} onClick={() => void recordings.fetchNextPage()}>
          Show older recordings
        </Button>
      )}
    </>
  );
}

function Row({ id, recording }: { id: string; recording: RecordingRow }) {
  const { runId, status, trigger } = recording;
  const { notify, fail } = useToasts();
  const remove = useDeleteRecording(id);
  const [open, setOpen] = useState<'replay' | 'delete' | null>(null);
  const close = () => setOpen(null);
  return (
    <tr>
      <td>
        <Link href={`/workflows/${id}/recordings/${runId}`}>
          <code>{runId}</code>
        </Link>
      </td>
      <td>{STATUS_LABELS[status as keyof typeof STATUS_LABELS] ?? status}</td>
      <td className={table.quiet}>{TRIGGER_LABELS[trigger] ?? trigger}</td>
      <td className={table.quiet}>{recording.version === null ? 'Draft' : `v${recording.version}`}</td>
      <td className={table.quiet}>{formatDate(recording.startedAt)}</td>
      <td className={table.quiet}>{duration(recording.durationMs)}</td>
      <td className={table.end}>
        <Button aria-label={`Replay run ${runId}`} onClick={() => setOpen('replay')}>
          Replay
        </Button>{' '}
        <Button aria-label={`Delete recording of run ${runId}`} onClick={() => setOpen('delete')}>
          Delete
        </Button>
        {open === 'replay' && <ReplayRunDialog workflowId={id} runId={runId} onClose={close} />}
        <Confirm
          title="Delete this recording?"
          question="The run can no longer be replayed. Its log is not affected."
          action="Delete"
          busy={remove.isPending}
          open={open === 'delete'}
          onClose={close}
          onConfirm={() =>
            remove.mutate(runId, {
              onSuccess: () => notify('Recording deleted.'),
              onError: fail,
              onSettled: close,
            })
          }
        />
      </td>
    </tr>
  );
}
