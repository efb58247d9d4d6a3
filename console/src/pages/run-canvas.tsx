import { Background, BackgroundVariant, Controls } from '@xyflow/react';
import { ChevronLeft, PencilLine, SearchX } from 'lucide-react';
import { type KeyboardEvent, useMemo, useRef } from 'react';
import { Link, useSearchParams } from 'wouter';
import { useVersions, versionTitle } from '@/api/deployments';
import { isStatus } from '@/api/errors';
import { type LogDetail, type Span, useExecutedState, useRun } from '@/api/runs';
import { useStoredDraft } from '@/api/workflows';
import { PageSkeleton } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { blockElement } from '@/canvas/block-element';
import layout from '@/canvas/canvas-page.module.css';
import { Preview } from '@/canvas/preview';
import notice from '@/editor/recorded-run-notice.module.css';
import toolbar from '@/editor/toolbar.module.css';
import { HelpLink } from '@/help/help-link';
import { editorHref, runHref } from '@/runs/addresses';
import { ExecutionPanel } from '@/runs/execution-panel';
import { nameOf } from '@/runs/labels';
import { executionsByBlock, recordedBlocks } from '@/runs/recorded-blocks';
import { RunNotFound } from '@/runs/run-not-found';
import { StatusBadge } from '@/runs/status-badge';
import { ButtonLink } from '@/ui/button';
import { Empty, LoadError } from '@/ui/states';
import type { WorkflowState } from '@/workflow/state';
import styles from './run-canvas.module.css';

/** Page of a run on the canvas of the version that it executed. */
export function RunCanvasPage({ runId }: { runId: string }) {
  const run = useRun(runId);
  const executed = useExecutedState(runId);
  useTitle(run.data && `Run of ${nameOf(run.data)}`);
  if (isStatus(run.error, 404)) return <RunNotFound />;
  if (run.isLoadingError) return <LoadError error={run.error} onRetry={run.refetch} />;
  if (run.data && executed.isLoadingError) return <LoadError error={executed.error} onRetry={executed.refetch} />;
  if (!run.data || executed.data === undefined) return <PageSkeleton />;
  return <WithDraft run={run.data} executed={executed.data} />;
}

/** Canvas of the run. Loads the draft to link to its blocks, and to show it in place of a state that is not stored. */
function WithDraft({ run, executed }: { run: LogDetail; executed: WorkflowState | null }) {
  const draft = useStoredDraft(run.workflowId);
  const state = executed ?? draft.data;
  if (state) return <RunCanvas run={run} state={state} isExecuted={executed !== null} draft={draft.data} />;
  if (draft.isPending) return <PageSkeleton />;
  if (!isStatus(draft.error, 404) && !isStatus(draft.error, 403))
    return <LoadError error={draft.error} onRetry={draft.refetch} />;
  return (
    <Empty icon={<SearchX size={22} aria-hidden />} title="Workflow not found">
      The workflow of this run was deleted. <Link href={runHref(run)}>View run</Link>
    </Empty>
  );
}

interface Props {
  run: LogDetail;
  state: WorkflowState;
  /** Whether `state` is the one that the run executed, and not the current draft. */
  isExecuted: boolean;
  draft: WorkflowState | undefined;
}

function RunCanvas({ run, state, isExecuted, draft }: Props) {
  const [search, setSearch] = useSearchParams();
  const work = useRef<HTMLDivElement>(null);
  const spans = run.executionData.traceSpans as unknown as Span[];
  const executions = useMemo(() => executionsByBlock(spans), [spans]);
  const marks = useMemo(() => ({ runs: recordedBlocks(spans) }), [spans]);
  const block = state.blocks[search.get('block') ?? ''];
  const select = (id: string | null) => setSearch(id === null ? {} : { block: id }, { replace: true });
  const close = () => {
    if (block && work.current?.querySelector('aside')?.contains(document.activeElement)) {
      blockElement(block.id)?.focus();
    }
    select(null);
  };

  /** Move the focus between the canvas and the panel of the selected block. */
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      // React Flow would take the focus from the block.
      event.stopPropagation();
      close();
    }
    const isNode = event.target instanceof Element && event.target.matches('.react-flow__node');
    // By the next frame, the panel of the selected block is open.
    if (event.key === 'Enter' && isNode)
      requestAnimationFrame(() => work.current?.querySelector<HTMLElement>('aside')?.focus());
  };

  return (
    <div className={layout.page}>
      <header className={toolbar.toolbar}>
        <div className={toolbar.where}>
          <Link href={runHref(run)} className={toolbar.back} aria-label="Back to run">
            <ChevronLeft size={18} aria-hidden />
          </Link>
          <h1 className={toolbar.name}>{nameOf(run)}</h1>
          <StatusBadge status={run.status} />
        </div>
        <div className={toolbar.tools}>
          <HelpLink topic="run-canvas" />
          <ButtonLink href={editorHref(run)} icon={<PencilLine size={15} aria-hidden />}>
            Edit draft
          </ButtonLink>
        </div>
      </header>
      <div className={notice.notice} role="status">
        <p className={notice.text}>
          {isExecuted ? (
            <ExecutedVersion run={run} />
          ) : (
            'Read-only. This run executed a draft. The canvas shows the current draft, which may have changed since.'
          )}
        </p>
      </div>
      <div ref={work} className={layout.work} onKeyDownCapture={onKeyDown}>
        <div className={layout.canvas}>
          <Preview state={state} marks={marks} label="Workflow graph of the run" selected={block?.id} onSelect={select}>
            <Background variant={BackgroundVariant.Dots} gap={22} size={1.2} />
            <Controls showInteractive={false} position="bottom-left" />
          </Preview>
        </div>
        {block && (
          <ExecutionPanel
            key={block.id}
            block={block}
            executions={executions.get(block.id) ?? []}
            ended={run.endedAt !== null}
            onClose={close}
          >
            {draft &&
              (draft.blocks[block.id] ? (
                <div>
                  <ButtonLink href={editorHref(run, block.id)}>Edit this block</ButtonLink>
                </div>
              ) : (
                <p className={styles.missing}>This block is no longer in the draft.</p>
              ))}
          </ExecutionPanel>
        )}
      </div>
    </div>
  );
}

function ExecutedVersion({ run }: { run: LogDetail }) {
  const versions = useVersions(run.workflowId);
  const version = versions.data?.find((each) => each.id === run.deploymentVersionId);
  return <>Read-only. This is {version ? versionTitle(version) : 'the version'} as the run executed it.</>;
}
