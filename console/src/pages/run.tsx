import { RotateCcw, SearchX, Square, Terminal } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useVersions, type VersionRow } from '@/api/deployments';
import { isStatus } from '@/api/errors';
import { usePausePoints } from '@/api/pauses';
import { type LogDetail, type Span, useCancelRun, useRun, useRunAgain } from '@/api/runs';
import { can, useSignedIn } from '@/api/session';
import { cost, count, duration, exactMoment } from '@/app/format';
import { Page, PageSkeleton } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { curlOf, inputOf } from '@/runs/again';
import { Answers } from '@/runs/answer';
import { StatusBadge } from '@/runs/status-badge';
import { Waterfall } from '@/runs/waterfall';
import { callerOf } from '@/runs/words';
import { Button } from '@/ui/button';
import { copyText } from '@/ui/copy-text';
import { JsonView } from '@/ui/json-view';
import { Empty, Failure, Problem } from '@/ui/states';
import { Tip } from '@/ui/tip';
import { useToasts } from '@/ui/toasts';
import type { Json } from '@/workflow/state';
import styles from './run.module.css';

/** One run: how it ended, what went in and came out, and what each block did. */
export function RunPage({ workflowId, runId }: { workflowId: string; runId: string }) {
  const run = useRun(runId);
  const points = usePausePoints(workflowId, runId, run.data?.status === 'paused');
  useTitle(run.data && `Run of ${nameOf(run.data)}`);
  const [isWhole, setWhole] = useState(false);
  // Shown once what it waits for is there, too, so that nothing jumps; a run that is paused later does not hide what is seen.
  if (!isWhole && run.data && !points.isLoading) setWhole(true);
  if (!isWhole && !run.isLoadingError) return <PageSkeleton />;
  if (isStatus(run.error, 404)) {
    return (
      <Empty icon={<SearchX size={22} aria-hidden />} title="There is no such run">
        Runs are kept for a while only. <Link href="/runs">All runs</Link>
      </Empty>
    );
  }
  if (!run.data) return <Failure error={run.error} onRetry={run.refetch} />;
  return <Run run={run.data} />;
}

function nameOf(run: LogDetail): string {
  return (run.workflow?.name as string | null) ?? 'Deleted workflow';
}

function Run({ run }: { run: LogDetail }) {
  const { workflowId } = run;
  const data = run.executionData;
  const spans = data.traceSpans as unknown as Span[];
  const input = inputOf(spans);
  return (
    <Page
      title={
        <span className={styles.title}>
          {nameOf(run)}
          <StatusBadge status={run.status} />
        </span>
      }
      about={
        <>
          <Link href="/runs">Runs</Link> / <code>{run.executionId}</code>
        </>
      }
      actions={<Actions workflowId={workflowId} run={run} ended={run.endedAt !== null} input={input} />}
    >
      <dl className={styles.facts}>
        <Fact name="Started">{exactMoment(run.startedAt)}</Fact>
        <Fact name="Took">{run.totalDurationMs === null ? '–' : duration(run.totalDurationMs)}</Fact>
        <Fact name="Caller">{callerOf(run)}</Fact>
        <Fact name="Version">
          <Version workflowId={workflowId} versionId={run.deploymentVersionId} />
        </Fact>
        <Fact name="Tokens">{count(run.cost?.tokens.total ?? 0, 'token')}</Fact>
        <Fact name="Cost">{run.cost?.total ? cost(run.cost.total) : '–'}</Fact>
      </dl>
      <Problem error={data.error} />
      {run.status === 'paused' && (
        <section className={styles.part} aria-label="Waits for">
          <h2>Waits for</h2>
          <Answers workflowId={workflowId} runId={run.executionId} />
        </section>
      )}
      <section className={styles.part} aria-label="Blocks">
        <h2>Blocks</h2>
        {spans.length ? (
          <Waterfall spans={spans} ended={run.endedAt !== null} />
        ) : (
          <Empty title="No block has ended yet" />
        )}
      </section>
      <div className={styles.values}>
        <section className={styles.part} aria-label="Input">
          <h2>Input</h2>
          <JsonView value={input ?? null} />
        </section>
        <section className={styles.part} aria-label="Output">
          <h2>Output</h2>
          <Output run={run} />
        </section>
      </div>
    </Page>
  );
}

function Output({ run }: { run: LogDetail }) {
  const output = (run.executionData.finalOutput ?? null) as Json;
  if (run.status === 'paused') {
    return <Empty title="No output yet">It appears here when the run has come to its end.</Empty>;
  }
  if (run.status === 'cancelled') return <Empty title="No output">It was cancelled before it came to its end.</Empty>;
  return output === null ? <Empty title="No output" /> : <JsonView value={output} />;
}

function Version({ workflowId, versionId }: { workflowId: string; versionId: string | null }) {
  const versions = useVersions(workflowId);
  if (versionId === null) return 'Draft';
  const name = versions.isPending ? '\u00a0' : versionName(versions.data, versionId);
  return (
    <Tip text={name}>
      <span className={styles.version}>{name}</span>
    </Tip>
  );
}

function versionName(versions: readonly VersionRow[] | undefined, id: string): string {
  const version = versions?.find((each) => each.id === id);
  if (!version) return id;
  return version.name ? `v${version.version} · ${version.name}` : `v${version.version}`;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

interface ActionsProps {
  workflowId: string;
  run: LogDetail;
  ended: boolean;
  input: Json | undefined;
}

function Actions({ workflowId, run, ended, input }: ActionsProps) {
  const { workspace } = useSignedIn();
  const { say, fail } = useToasts();
  const [, navigate] = useLocation();
  const cancel = useCancelRun(workflowId, run.executionId);
  const again = useRunAgain(workflowId);
  return (
    <>
      <Button
        icon={<Terminal size={15} aria-hidden />}
        onClick={() => void copyText(curlOf(workflowId, input)).then(() => say('Copied.'), fail)}
      >
        Copy as cURL
      </Button>
      {!ended && can(workspace.role, 'write') && (
        <Button
          icon={<Square size={14} fill="currentcolor" aria-hidden />}
          busy={cancel.isPending}
          onClick={() =>
            cancel.mutate(undefined, { onSuccess: () => say('The run is being cancelled.'), onError: fail })
          }
        >
          Cancel
        </Button>
      )}
      {ended && (
        <Button
          icon={<RotateCcw size={15} aria-hidden />}
          busy={again.isPending}
          onClick={() =>
            again.mutate(input ?? {}, {
              onSuccess: (made) => navigate(`/runs/${workflowId}/${made.executionId}`),
              onError: fail,
            })
          }
        >
          Run again
        </Button>
      )}
    </>
  );
}
