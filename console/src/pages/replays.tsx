import { FlaskConical } from 'lucide-react';
import { Link } from 'wouter';
import { type Replay, useReplays } from '@/api/replays';
import { count, formatDate } from '@/app/format';
import { Page } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { ReplayBadge } from '@/replays/badges';
import { targetName } from '@/replays/labels';
import { WorkflowLink } from '@/replays/workflow-link';
import { Button, ButtonLink } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { Empty, LoadError, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { TableFrame } from '@/ui/table-frame';

/** Page with the replays of a workflow. */
export function ReplaysPage({ id }: { id: string }) {
  useTitle('Replays');
  return (
    <Page
      title="Replays"
      help="replays"
      about={<WorkflowLink id={id} />}
      actions={<ButtonLink href={`/workflows/${id}/recordings`}>View recordings</ButtonLink>}
    >
      <Replays id={id} />
    </Page>
  );
}

function Replays({ id }: { id: string }) {
  const replays = useReplays(id);
  if (replays.isPending) return <Skeleton rows={6} />;
  if (replays.isLoadingError) return <LoadError error={replays.error} onRetry={replays.refetch} />;
  const rows = replays.data.pages.flatMap((page) => page.data);
  if (!rows.length) {
    return (
      <Empty icon={<FlaskConical size={22} aria-hidden />} title="No replays yet">
        Check the draft or a version in the Deploy window to replay recorded runs on it.
      </Empty>
    );
  }
  return (
    <>
      <TableFrame label="Replays">
        <table className={classNames(table.table, table.stack)}>
          <thead>
            <tr>
              <th scope="col">Content</th>
              <th scope="col">Status</th>
              <th scope="col">Same</th>
              <th scope="col">Started</th>
              <th scope="col">Started by</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((replay) => (
              <Row key={replay.id} id={id} replay={replay} />
            ))}
          </tbody>
        </table>
      </TableFrame>
      {replays.hasNextPage && (
        <Button busy={replays.isFetchingNextPage} onClick={() => void replays.fetchNextPage()}>
          Show older replays
        </Button>
      )}
    </>
  );
}

function Row({ id, replay }: { id: string; replay: Replay }) {
  return (
    <tr>
      <td>
        <Link href={`/workflows/${id}/replays/${replay.id}`}>{targetName(replay)}</Link>
      </td>
      <td>
        <ReplayBadge status={replay.status} />
      </td>
      <td>
        {replay.counts.same.toLocaleString('en-US')} of {count(replay.total, 'run')}
      </td>
      <td className={table.quiet}>{formatDate(replay.createdAt)}</td>
      <td className={table.quiet}>{replay.createdBy}</td>
    </tr>
  );
}
