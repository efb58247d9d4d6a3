import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { useVersionState } from '@/api/deployments';
import { messageOf } from '@/api/errors';
import { postStream } from '@/api/event-stream';
import { useDeployment } from '@/api/workflows';
import { duration } from '@/app/format';
import { InputForm, inputToSend, sampleInput } from '@/editor/input-form';
import { RunButton } from '@/editor/run-button';
import form from '@/ui/form.module.css';
import { useFormDraft } from '@/ui/form-drafts';
import { JsonView } from '@/ui/json-view';
import { SegmentedControl } from '@/ui/segmented-control';
import { Badge, InlineError } from '@/ui/states';
import type { DraftSaver } from '@/workflow/draft-saver';
import type { Json, WorkflowState } from '@/workflow/state';
import styles from './try-it.module.css';

interface Props {
  workflowId: string;
  saver: DraftSaver;
  selectedOutputs: readonly string[];
  /** Input of an earlier run, to start with. */
  input?: Json;
}

interface Frame {
  event?: string;
  chunk?: string;
  error?: string;
  data?: { success?: boolean; output?: Json; error?: string; status?: string };
}

type End = 'done' | 'queued' | 'paused' | 'failed' | 'stopped';
type Phase = 'idle' | 'running' | End;

interface Result {
  label: string;
  value: Json;
}

interface ResponseFacts {
  status: number;
  runId: string | null;
  /** Time until the end of the response. */
  durationMs: number | null;
}

const MODES = [
  ['stream', 'Stream'],
  ['sync', 'JSON'],
  ['async', 'Async'],
] as const;

type Mode = (typeof MODES)[number][0];

const BADGES = {
  running: ['blue', 'Running'],
  queued: ['quiet', 'Queued'],
  done: ['green', 'Completed'],
  paused: ['amber', 'Paused'],
  failed: ['red', 'Failed'],
  stopped: ['quiet', 'Stopped'],
} as const;

/** Panel that calls the live version and shows the response. */
export function TryIt({ workflowId, saver, ...rest }: Props) {
  const deployment = useDeployment(workflowId);
  const live = useVersionState(workflowId, deployment.data?.activeDeployment?.version ?? null);
  return (
    <section className={styles.panel} aria-label="Try it">
      <h3>Try it</h3>
      <Call workflowId={workflowId} state={live.data ?? saver.store.state()} {...rest} />
    </section>
  );
}

function Call({ workflowId, state, selectedOutputs, input: earlier }: Omit<Props, 'saver'> & { state: WorkflowState }) {
  const sample = sampleInput(state, earlier);
  const { fields, update } = useFormDraft(`call ${JSON.stringify(sample)}`, { input: sample });
  const { input } = fields;
  const [mode, setMode] = useState<Mode>('stream');
  const [phase, setPhase] = useState<Phase>('idle');
  const [text, setText] = useState('');
  const [result, setResult] = useState<Result | null>(null);
  const [response, setResponse] = useState<ResponseFacts | null>(null);
  const [error, setError] = useState<string | null>(null);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);
  const outcome = useRef<HTMLDivElement>(null);
  const hasEnded = phase !== 'idle' && phase !== 'running';
  useEffect(() => {
    if (hasEnded) outcome.current?.scrollIntoView({ block: 'nearest' });
  }, [hasEnded]);

  /** Show a frame. Return how the run ended if this is its last frame, otherwise null. */
  const take = ({ chunk, event, data, error }: Frame): End | null => {
    if (chunk) setText((before) => before + chunk);
    if (event === 'final') setResult({ label: 'Final output', value: withBlockNames(data?.output ?? null, state) });
    const problem = error ?? data?.error;
    if (problem) {
      setError(problem);
      return 'failed';
    }
    if (event !== 'final') return null;
    return data?.status === 'paused' ? 'paused' : 'done';
  };

  const path = `/api/workflows/${workflowId}/execute`;

  const stream = async (signal: AbortSignal, onResponse: (response: Response) => void): Promise<End> => {
    const body = { input: inputToSend(input), stream: true, useDraftState: false, selectedOutputs };
    let end: End | null = null;
    for await (const frame of postStream(path, body, { signal, onResponse })) {
      const ended = take(frame as Frame);
      end ??= ended;
    }
    if (!end) throw new Error('The connection to the run was lost. Open Runs to see its status.');
    return end;
  };

  const post = async (signal: AbortSignal, onResponse: (response: Response) => void): Promise<End> => {
    const isAsync = mode === 'async';
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(isAsync && { 'x-execution-mode': 'async' }) },
      body: JSON.stringify({ input: inputToSend(input), ...(!isAsync && { useDraftState: false }) }),
      signal,
    });
    onResponse(response);
    const body = await response.json();
    setResult({ label: 'Response body', value: body });
    if (!response.ok) return 'failed';
    if (isAsync) return 'queued';
    return body.status === 'paused' ? 'paused' : 'done';
  };

  const call = async () => {
    const controller = new AbortController();
    abort.current = controller;
    setPhase('running');
    setText('');
    setResult(null);
    setResponse(null);
    setError(null);
    const since = performance.now();
    const onResponse = ({ status, headers }: Response) =>
      setResponse({ status, runId: headers.get('x-execution-id'), durationMs: null });
    try {
      setPhase(await (mode === 'stream' ? stream : post)(controller.signal, onResponse));
    } catch (thrown) {
      setPhase(controller.signal.aborted ? 'stopped' : 'failed');
      if (!controller.signal.aborted) setError(messageOf(thrown));
    }
    setResponse((before) => before && { ...before, durationMs: performance.now() - since });
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (phase !== 'running') void call();
  };

  return (
    <>
      <form className={form.form} onSubmit={submit}>
        <InputForm state={state} earlier={earlier} value={input} onChange={(input) => update({ input })} />
        <SegmentedControl label="Response" value={mode} options={MODES} onChange={setMode} />
        <div className={styles.actions}>
          <RunButton isRunning={phase === 'running'} start="Send request" onStop={() => abort.current?.abort()} />
          <span role="status">{phase !== 'idle' && <Badge tone={BADGES[phase][0]}>{BADGES[phase][1]}</Badge>}</span>
          {response && (
            <span className={styles.facts}>
              <span>HTTP {response.status}</span>
              {response.durationMs !== null && <span>{duration(response.durationMs)}</span>}
              {response.runId && <Link href={`/runs/${workflowId}/${response.runId}`}>View run</Link>}
            </span>
          )}
        </div>
      </form>
      <div ref={outcome} className={styles.outcome}>
        <InlineError error={error} />
        {text && (
          <output className={styles.text} aria-label="Streamed text">
            {text}
          </output>
        )}
        {result && <JsonView label={result.label} value={result.value} />}
      </div>
    </>
  );
}

/** Return the output with the names of the blocks in place of their ids. */
function withBlockNames(output: Json, { blocks }: WorkflowState): Json {
  if (typeof output !== 'object' || output === null || Array.isArray(output)) return output;
  return Object.fromEntries(Object.entries(output).map(([key, value]) => [blocks[key]?.name ?? key, value]));
}
