import { SearchX } from 'lucide-react';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { isStatus } from '@/api/errors';
import {
  isRunning,
  type Replay,
  type ReplayResult,
  reportHref,
  useCancelReplay,
  useReplay,
  useReplayResults,
  useStartReplay,
  type Verdict,
} from '@/api/replays';
import { cost, duration, formatTimestamp } from '@/app/format';
import { Page, PageSkeleton } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { ReplayBadge, VerdictBadge } from '@/replays/badges';
import { RunDifferences } from '@/replays/differences';
import { firstBlock, reasonOf, targetName, VERDICT, VERDICTS } from '@/replays/labels';
import { limitsOfReplay } from '@/replays/limits';
import styles from '@/replays/replays.module.css';
import { Suggestions } from '@/replays/suggestions';
import { Refusals, ReplayProgress } from '@/replays/summary';
import { WorkflowLink } from '@/replays/workflow-link';
import { Fact, Facts } from '@/runs/facts';
import { Button, DownloadLink } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { Dialog } from '@/ui/dialog';
import { Select } from '@/ui/field';
import { Empty, LoadError, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { TableFrame } from '@/ui/table-frame';
import { useToasts } from '@/ui/toasts';

/** Page of a replay: summary and results. */
export function ReplayPage({ id, replayId }: { id: string; replayId: string }) {
  useTitle('Replay');
  const replay = useReplay(id, replayId);
  if (isStatus(replay.error, 404)) {
    return (
      <Empty icon={<SearchX size={22} aria-hidden />} title="Replay not found">
        It may have expired. <Link href={`/workflows/${id}/replays`}>View all replays</Link>
      </Empty>
    );
  }
  if (replay.isLoadingError) return <LoadError error={replay.error} onRetry={replay.refetch} />;
  if (!replay.data) return <PageSkeleton />;
  return <ReplayDetails id={id} replay={replay.data} />;
}

function ReplayDetails({ id, replay }: { id: string; replay: Replay }) {
  const { fail } = useToasts();
  const [, navigate] = useLocation();
  const cancel = useCancelReplay(id);
  const again = useStartReplay(id);
  const { latency, target } = replay;
  const suggested = replay.suggestedIgnore ?? [];
  const results = useReplayResults(id, replay, undefined);
  const runIds = results.data?.pages.flatMap((page) => page.data.map((result) => result.runId));
  const replayAgain = () =>
    again.mutate(
      {
        target: target.version === null ? { draft: true } : { version: target.version },
        // The same runs, if all are loaded. Newer runs may have been recorded since.
        ...(runIds?.length && !results.hasNextPage ? { runIds } : { last: Math.max(1, replay.total) }),
        ignore: [...new Set([...replay.ignore, ...suggested])],
        ...limitsOfReplay(replay),
      },
      { onSuccess: (created) => navigate(`/workflows/${id}/replays/${created.id}`), onError: fail },
    );
  return (
    <Page
      help="replays"
      title={
        <span className={styles.title}>
          Replay on {targetName(replay)}
          <ReplayBadge status={replay.status} />
        </span>
      }
      about={
        <>
          <WorkflowLink id={id} /> / <Link href={`/workflows/${id}/replays`}>Replays</Link>
        </>
      }
      actions={
        isRunning(replay) ? (
          <Button busy={cancel.isPending} onClick={() => cancel.mutate(replay.id, { onError: fail })}>
            Cancel
          </Button>
        ) : (
          <>
            <DownloadLink href={reportHref(id, replay.id, 'json')} name={`replay-${replay.id}.json`}>
              Download JSON
            </DownloadLink>
            <DownloadLink href={reportHref(id, replay.id, 'junit')} name={`replay-${replay.id}.xml`}>
              Download JUnit
            </DownloadLink>
          </>
        )
      }
    >
      <Facts>
        <Fact name="Started">{formatTimestamp(replay.createdAt)}</Fact>
        <Fact name="Started by">{replay.createdBy || '–'}</Fact>
        <Fact name="Median duration, recorded">{time(latency.recordedP50Ms)}</Fact>
        <Fact name="Median duration, replayed">{time(latency.replayedP50Ms)}</Fact>
        <Fact name="Model cost, recorded">{cost(replay.cost.recorded)}</Fact>
        <Fact name="Model cost, replayed">{cost(replay.cost.replayed)}</Fact>
      </Facts>
      <ReplayProgress replay={replay} />
      <Refusals replay={replay} />
      {replay.ignore.length > 0 && (
        <p className={styles.quiet}>
          Ignored fields: <code>{replay.ignore.join(', ')}</code>
        </p>
      )}
      {suggested.length > 0 && (
        <Suggestions patterns={suggested} action="Replay and ignore these" onUse={replayAgain} />
      )}
      {!isRunning(replay) && <Results id={id} replay={replay} />}
    </Page>
  );
}

function time(ms: number | null): string {
  return ms === null ? '–' : duration(ms);
}

function Results({ id, replay }: { id: string; replay: Replay }) {
  const [verdict, setVerdict] = useState<Verdict | ''>('');
  const [open, setOpen] = useState<ReplayResult | null>(null);
  const results = useReplayResults(id, replay, verdict || undefined);
  const rows = results.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <section className={styles.stack} aria-label="Results of the runs">
      <div className={styles.filter}>
        <Select
          aria-label="Result"
          value={verdict}
          onChange={(event) => setVerdict(event.target.value as Verdict | '')}
        >
          <option value="">Any result</option>
          {VERDICTS.map((each) => (
            <option key={each} value={each}>
              {VERDICT[each][0]}
            </option>
          ))}
        </Select>
      </div>
      {results.isPending && <Skeleton rows={4} />}
      {results.isLoadingError && <LoadError error={results.error} onRetry={results.refetch} />}
      {results.data && !rows.length && <Empty title="No runs with this result" />}
      {rows.length > 0 && <ResultTable rows={rows} onOpen={setOpen} />}
      {results.hasNextPage && (
        <div>
          <Button busy={results.isFetchingNextPage} onClick={() => void results.fetchNextPage()}>
            Show more runs
          </Button>
        </div>
      )}
      {open && (
        <Dialog title={`Run ${open.runId}`} size="l" open onClose={() => setOpen(null)}>
          <div className={styles.stack}>
            <div className={styles.actions}>
              <VerdictBadge verdict={open.verdict} />
              <Link href={`/workflows/${id}/recordings/${open.runId}`}>View recording</Link>
            </div>
            <RunDifferences result={open} />
          </div>
        </Dialog>
      )}
    </section>
  );
}

function ResultTable({ rows, onOpen }: { rows: readonly ReplayResult[]; onOpen: (result: ReplayResult) => void }) {
  return (
    <TableFrame label="Replayed runs">
      <table className={classNames(table.table, table.stack)}>
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">Result</th>
            <th scope="col">First difference</th>
            <th scope="col">Reason</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((result) => (
            <tr key={result.runId}>
              <td>
                <button type="button" className={styles.open} onClick={() => onOpen(result)}>
                  <code>{result.runId}</code>
                </button>
              </td>
              <td>
                <VerdictBadge verdict={result.verdict} />
              </td>
              <td>{firstBlock(result)?.blockName || firstBlock(result)?.blockId}</td>
              <td className={table.quiet}>{reasonOf(result)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}
