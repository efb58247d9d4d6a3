import { X } from 'lucide-react';
import { type FormEvent, type KeyboardEvent, useEffect, useRef } from 'react';
import { duration } from '@/app/format';
import { BlockIcon } from '@/canvas/block-icon';
import { Mark } from '@/canvas/marks';
import { HelpLink } from '@/help/help-link';
import { BlockInput } from '@/runs/block-input';
import { describeWait } from '@/runs/describe-wait';
import { ButtonLink, IconButton } from '@/ui/button';
import fields from '@/ui/form.module.css';
import { useFormDraft } from '@/ui/form-drafts';
import { JsonView } from '@/ui/json-view';
import { Empty, InlineError } from '@/ui/states';
import type { Json, WorkflowState } from '@/workflow/state';
import { InputForm, inputToSend, sampleInput } from './input-form';
import { RunButton } from './run-button';
import styles from './run-panel.module.css';
import { RunStatus } from './run-status';
import type { DraftRun, RunLine } from './use-draft-run';

interface Props {
  workflowId: string;
  state: WorkflowState;
  run: DraftRun;
  /** Input of an earlier run, to start with. */
  input?: Json;
  onClose: () => void;
}

/** Panel that runs the draft and shows the output of each block. */
export function RunPanel({ workflowId, state, run, input: earlier, onClose }: Props) {
  const sample = sampleInput(state, earlier);
  const { fields: written, update } = useFormDraft(`run ${JSON.stringify(sample)}`, { input: sample });
  const { input } = written;
  const panel = useRef<HTMLElement>(null);
  const opener = useRef<Element | null>(null);
  // Take the focus, and return it when the panel closes.
  useEffect(() => {
    opener.current = document.activeElement;
    panel.current?.focus();
  }, []);
  const close = () => {
    onClose();
    if (opener.current instanceof HTMLElement) opener.current.focus();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!run.isRunning) run.start(inputToSend(input));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey))
      panel.current?.querySelector('form')?.requestSubmit();
  };
  return (
    <aside ref={panel} className={styles.panel} aria-label="Run the draft" tabIndex={-1} onKeyDown={onKeyDown}>
      <header className={styles.head}>
        <h2>Run the draft</h2>
        <div className={styles.corner}>
          <HelpLink topic="draft-run" />
          <IconButton label="Close panel" onClick={close}>
            <X size={17} aria-hidden />
          </IconButton>
        </div>
      </header>
      <div className={styles.body}>
        <form className={fields.form} onSubmit={submit}>
          <InputForm state={state} earlier={earlier} value={input} onChange={(next) => update({ input: next })} />
          <div className={styles.actions}>
            <RunButton isRunning={run.isRunning} start="Run draft" variant="primary" onStop={run.stop} />
            <RunStatus run={run} />
          </div>
        </form>
        <InlineError error={run.outcome?.error} />
        {run.outcome?.runId && (
          <ButtonLink href={`/runs/${workflowId}/${run.outcome.runId}`}>View paused run</ButtonLink>
        )}
        {!run.lines.length && !run.outcome && !run.isRunning && (
          <Empty title="Not run yet">This runs the current draft. The live version is not affected.</Empty>
        )}
        <ol className={styles.lines} aria-label="Blocks that ran">
          {run.lines.map((line) => (
            <Line key={line.key} line={line} />
          ))}
        </ol>
        {run.outcome?.output !== undefined && run.outcome.status !== 'paused' && (
          <section className={styles.result} aria-label="Result">
            <h3>Result</h3>
            <JsonView value={run.outcome.output} />
          </section>
        )}
      </div>
    </aside>
  );
}

function Line({ line }: { line: RunLine }) {
  const wait = describeWait({ type: line.blockType, output: line.output });
  const mark = { status: line.status, times: 1, durationMs: line.durationMs, error: line.error };
  return (
    <li className={styles.line}>
      <details>
        <summary>
          <BlockIcon type={line.blockType} size={20} />
          <span className={styles.name}>{line.blockName}</span>
          <Mark run={mark} />
        </summary>
        {line.error && <p className={styles.error}>{line.error}</p>}
        <BlockInput value={line.input ?? null} />
        {!wait && line.output !== undefined && <JsonView label="Output" value={line.output} />}
        {line.durationMs !== undefined && <p className={styles.time}>{duration(line.durationMs)}</p>}
      </details>
      {wait && <p className={styles.text}>Waiting {wait}.</p>}
      {line.text && line.status === 'running' && <p className={styles.text}>{line.text}</p>}
    </li>
  );
}
