import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useVersionState } from '@/api/deployments';
import { messageOf } from '@/api/errors';
import { postStream } from '@/api/event-stream';
import { useDeployment } from '@/api/workflows';
import { InputForm, sampleInput, sentInput } from '@/editor/input-form';
import { RunButton } from '@/editor/run-button';
import form from '@/ui/form.module.css';
import { useFormDraft } from '@/ui/form-drafts';
import { JsonView } from '@/ui/json-view';
import { Badge, InlineError } from '@/ui/states';
import type { DraftSaver } from '@/workflow/draft-saver';
import type { Json, WorkflowState } from '@/workflow/state';
import styles from './try-it.module.css';

interface Props {
  workflowId: string;
  saver: DraftSaver;
  selectedOutputs: readonly string[];
}

interface Frame {
  event?: string;
  chunk?: string;
  error?: string;
  data?: { success?: boolean; output?: Json; error?: string; status?: string };
}

type End = 'done' | 'paused' | 'failed' | 'stopped';
type Phase = 'idle' | 'streaming' | End;

const BADGES = {
  streaming: ['blue', 'Streaming'],
  done: ['green', 'Completed'],
  paused: ['amber', 'Paused'],
  failed: ['red', 'Failed'],
  stopped: ['quiet', 'Stopped'],
} as const;

/** Panel that calls the live version and shows the streamed response. */
export function TryIt({ workflowId, saver, selectedOutputs }: Props) {
  const deployment = useDeployment(workflowId);
  const live = useVersionState(workflowId, deployment.data?.activeDeployment?.version ?? null);
  return (
    <section className={styles.panel} aria-label="Try it">
      <h3>Try it</h3>
      <Call workflowId={workflowId} state={live.data ?? saver.store.state()} selectedOutputs={selectedOutputs} />
    </section>
  );
}

function Call({ workflowId, state, selectedOutputs }: Omit<Props, 'saver'> & { state: WorkflowState }) {
  const sample = sampleInput(state);
  const { fields, update } = useFormDraft(`call ${JSON.stringify(sample)}`, { input: sample });
  const { input } = fields;
  const [phase, setPhase] = useState<Phase>('idle');
  const [text, setText] = useState('');
  const [output, setOutput] = useState<Json | undefined>();
  const [error, setError] = useState<string | null>(null);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);

  /** Show a frame. Return how the run ended if this is its last frame, otherwise null. */
  const take = ({ chunk, event, data, error }: Frame): End | null => {
    if (chunk) setText((before) => before + chunk);
    if (event === 'final') setOutput(data?.output);
    const problem = error ?? data?.error;
    if (problem) {
      setError(problem);
      return 'failed';
    }
    if (event !== 'final') return null;
    return data?.status === 'paused' ? 'paused' : 'done';
  };

  const call = async () => {
    const controller = new AbortController();
    abort.current = controller;
    setPhase('streaming');
    setText('');
    setOutput(undefined);
    setError(null);
    try {
      const body = { input: sentInput(input), stream: true, useDraftState: false, selectedOutputs };
      const path = `/api/workflows/${workflowId}/execute`;
      let end: End | null = null;
      for await (const frame of postStream(path, body, { signal: controller.signal })) {
        const ended = take(frame as Frame);
        end ??= ended;
      }
      if (!end) throw new Error('The connection to the run was lost. Open Runs to see its status.');
      setPhase(end);
    } catch (thrown) {
      setPhase(controller.signal.aborted ? 'stopped' : 'failed');
      if (!controller.signal.aborted) setError(messageOf(thrown));
    }
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (phase !== 'streaming') void call();
  };

  return (
    <>
      <form className={form.form} onSubmit={submit}>
        <InputForm state={state} value={input} onChange={(input) => update({ input })} />
        <div className={styles.actions}>
          <RunButton isRunning={phase === 'streaming'} start="Send request" onStop={() => abort.current?.abort()} />
          <span role="status">{phase !== 'idle' && <Badge tone={BADGES[phase][0]}>{BADGES[phase][1]}</Badge>}</span>
        </div>
      </form>
      <InlineError error={error} />
      {text && (
        <output className={styles.text} aria-label="Streamed text">
          {text}
        </output>
      )}
      {output !== undefined && <JsonView label="Final output" value={output} />}
    </>
  );
}
