import { ChevronDown, FlaskConical, Play, RotateCcw, Square, Terminal, Workflow, Wrench } from 'lucide-react';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useVersions, type VersionRow } from '@/api/deployments';
import { isStatus } from '@/api/errors';
import { usePausePoints } from '@/api/pauses';
import { type LogDetail, type Span, useCancelRun, useRun, useRunAgain } from '@/api/runs';
import { can, useSignedIn } from '@/api/session';
import { cost, count, duration, formatTimestamp } from '@/app/format';
import { Page, PageSkeleton } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { canvasHref, editorHref, rerunHref } from '@/runs/addresses';
import { Fact, Facts } from '@/runs/facts';
import { callerOf, nameOf } from '@/runs/labels';
import { PausePoints } from '@/runs/pause-points';
import { RepairDialog } from '@/runs/repair-dialog';
import { curlOf, inputOf } from '@/runs/rerun';
import { RunNotFound } from '@/runs/run-not-found';
import { StatusBadge } from '@/runs/status-badge';
import { Waterfall } from '@/runs/waterfall';
import { Button, ButtonLink, IconButton } from '@/ui/button';
import { copyText } from '@/ui/copy-text';
import form from '@/ui/form.module.css';
import { JsonView } from '@/ui/json-view';
import { Menu, MenuItem } from '@/ui/menu';
import { Empty, InlineError, LoadError } from '@/ui/states';
import { Tip } from '@/ui/tip';
import { useToasts } from '@/ui/toasts';
import type { Json } from '@/workflow/state';
import styles from './run.module.css';

/** Page of a run: status, input, output and blocks. */
export function RunPage({ workflowId, runId }: { workflowId: string; runId: string }) {
  const run = useRun(runId);
  const points = usePausePoints(workflowId, runId, run.data?.status === 'paused');
  useTitle(run.data && `Run of ${nameOf(run.data)}`);
  const [isReady, setReady] = useState(false);
  // Wait for the pause points to avoid a layout shift, but keep the page if the run pauses later.
  if (!isReady && run.data && !points.isLoading) setReady(true);
  if (!isReady && !run.isLoadingError) return <PageSkeleton />;
  if (isStatus(run.error, 404)) return <RunNotFound />;
  if (!run.data) return <LoadError error={run.error} onRetry={run.refetch} />;
  return <Run run={run.data} />;
}

function Run({ run }: { run: LogDetail }) {
  const { workflowId } = run;
  const data = run.executionData;
  const spans = data.traceSpans as unknown as Span[];
  const input = inputOf(spans);
  return (
    <Page
      help="run"
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
      <Facts>
        <Fact name="Started">{formatTimestamp(run.startedAt)}</Fact>
        <Fact name="Duration">{run.totalDurationMs === null ? '–' : duration(run.totalDurationMs)}</Fact>
        <Fact name="Caller">{callerOf(run)}</Fact>
        {run.httpStatus && <Fact name="Response">HTTP {run.httpStatus}</Fact>}
        <Fact name="Version">
          <Version workflowId={workflowId} versionId={run.deploymentVersionId} />
        </Fact>
        <Fact name="Tokens">{count(run.cost?.tokens.total ?? 0, 'token')}</Fact>
        <Fact name="Cost">{run.cost?.total ? cost(run.cost.total) : '–'}</Fact>
      </Facts>
      <InlineError error={data.error} />
      {run.status === 'paused' && (
        <section className={styles.part} aria-label="Waiting for">
          <h2>Waiting for</h2>
          <PausePoints workflowId={workflowId} runId={run.executionId} />
        </section>
      )}
      <section className={styles.part} aria-label="Blocks">
        <h2>Blocks</h2>
        {spans.length ? (
          <Waterfall spans={spans} ended={run.endedAt !== null} editHref={(blockId) => editorHref(run, blockId)} />
        ) : (
          <Empty title="No block has finished yet" />
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
      {run.searchIsCut && (
        <p className={form.hint} role="note">
          This run contains more words than search covers. Search finds it by some of its words, or by its id.
        </p>
      )}
    </Page>
  );
}

function Output({ run }: { run: LogDetail }) {
  const output = (run.executionData.finalOutput ?? null) as Json;
  if (run.status === 'paused') {
    return <Empty title="No output yet">The output appears when the run completes.</Empty>;
  }
  if (run.status === 'cancelled') return <Empty title="No output">The run was cancelled before it completed.</Empty>;
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

interface ActionsProps {
  workflowId: string;
  run: LogDetail;
  ended: boolean;
  input: Json | undefined;
}

function Actions({ workflowId, run, ended, input }: ActionsProps) {
  const { workspace } = useSignedIn();
  const { notify, fail } = useToasts();
  const [, navigate] = useLocation();
  const cancel = useCancelRun(workflowId, run.executionId);
  const rerun = useRunAgain(workflowId);
  const [isRepairing, setRepairing] = useState(false);
  // A run of the draft has no version, and cannot be repaired.
  const canRepair = run.status === 'failed' && run.deploymentVersionId !== null && can(workspace.role, 'write');
  return (
    <>
      <ButtonLink href={canvasHref(run)} icon={<Workflow size={15} aria-hidden />}>
        View on canvas
      </ButtonLink>
      <Button
        icon={<Terminal size={15} aria-hidden />}
        onClick={() => void copyText(curlOf(workflowId, input)).then(() => notify('Copied as cURL.'), fail)}
      >
        Copy as cURL
      </Button>
      {!ended && can(workspace.role, 'write') && (
        <Button
          icon={<Square size={14} fill="currentcolor" aria-hidden />}
          busy={cancel.isPending}
          onClick={() =>
            cancel.mutate(undefined, { onSuccess: () => notify('Cancellation requested.'), onError: fail })
          }
        >
          Cancel
        </Button>
      )}
      {canRepair && (
        <Button icon={<Wrench size={15} aria-hidden />} onClick={() => setRepairing(true)}>
          Repair
        </Button>
      )}
      {ended && (
        <span className={styles.split}>
          <Button
            icon={<RotateCcw size={15} aria-hidden />}
            busy={rerun.isPending}
            onClick={() =>
              rerun.mutate(input ?? {}, {
                onSuccess: (made) => navigate(`/runs/${workflowId}/${made.executionId}`),
                onError: fail,
              })
            }
          >
            Run again
          </Button>
          <Menu
            trigger={
              <IconButton label="More ways to run again" variant="secondary">
                <ChevronDown size={15} aria-hidden />
              </IconButton>
            }
          >
            <MenuItem icon={<FlaskConical size={15} aria-hidden />} onSelect={() => navigate(rerunHref(run, 'try'))}>
              Edit input in Try it
            </MenuItem>
            <MenuItem icon={<Play size={15} aria-hidden />} onSelect={() => navigate(rerunHref(run, 'draft'))}>
              Run draft with this input
            </MenuItem>
          </Menu>
        </span>
      )}
      {isRepairing && (
        <RepairDialog workflowId={workflowId} runId={run.executionId} onClose={() => setRepairing(false)} />
      )}
    </>
  );
}
