import { useCallback, useEffect, useRef, useState } from 'react';
import { messageOf } from '@/api/errors';
import type { RunMark } from '@/canvas/marks';
import { type CanvasEvent, cancelRun, draftRunEvents } from '@/editor/draft-run-events';
import { describeWait } from '@/runs/describe-wait';
import type { DraftSaver } from '@/workflow/draft-saver';
import { newId } from '@/workflow/new-id';
import type { LastOutputs } from '@/workflow/references';
import type { Json } from '@/workflow/state';

/** Execution of one block, shown as a line of the run panel. */
export interface RunLine {
  key: number;
  blockId: string;
  blockName: string;
  blockType: string;
  status: RunMark['status'];
  durationMs?: number;
  input?: Json;
  output?: Json;
  error?: string;
  text: string;
}

type End = 'completed' | 'failed' | 'cancelled' | 'paused';

export interface DraftRun {
  isRunning: boolean;
  /** Start of the run, as `performance.now()`. */
  since: number | null;
  status: 'queued' | 'running' | End | null;
  marks: ReadonlyMap<string, RunMark>;
  lines: readonly RunLine[];
  /** Latest output of each block, also from earlier runs. */
  outputs: LastOutputs;
  outcome: {
    status: End;
    output?: Json;
    error?: string;
    runId?: string;
  } | null;
  start: (input: Json) => void;
  stop: () => void;
}

interface Progress {
  hasStarted: boolean;
  marks: ReadonlyMap<string, RunMark>;
  lines: readonly RunLine[];
  outputs: LastOutputs;
  outcome: DraftRun['outcome'];
}

const IDLE: Progress = { hasStarted: false, marks: new Map(), lines: [], outputs: new Map(), outcome: null };
const MAX_LINES = 500;

/** Run the saved draft and track its progress by block. */
export function useDraftRun(workflowId: string, saver: DraftSaver): DraftRun {
  const [progress, setProgress] = useState(IDLE);
  const [since, setSince] = useState<number | null>(null);
  const abort = useRef<AbortController | null>(null);
  const runId = useRef<string | null>(null);
  useEffect(() => () => abort.current?.abort(), []);

  const start = useCallback(
    async (input: Json) => {
      abort.current?.abort();
      const controller = new AbortController();
      abort.current = controller;
      runId.current = null;
      setProgress(({ outputs }) => ({ ...IDLE, outputs }));
      setSince(performance.now());
      try {
        await saver.ensureCurrent();
        const id = newId();
        runId.current = id;
        for await (const event of draftRunEvents(workflowId, id, input, controller.signal)) {
          setProgress((before) => after(before, event));
        }
      } catch (error) {
        const stopped = controller.signal.aborted;
        setProgress((before) =>
          ended(before, stopped ? 'cancelled' : 'failed', stopped ? undefined : messageOf(error)),
        );
      } finally {
        if (abort.current === controller) setSince(null);
      }
    },
    [saver, workflowId],
  );
  const stop = useCallback(() => {
    const running = abort.current;
    if (runId.current === null) running?.abort();
    else cancelRun(workflowId, runId.current).catch(() => running?.abort());
  }, [workflowId]);
  const isRunning = since !== null;
  const activeStatus = progress.hasStarted ? 'running' : 'queued';
  const status = progress.outcome?.status ?? (isRunning ? activeStatus : null);
  return { ...progress, isRunning, since, status, start: (input) => void start(input), stop };
}

function after(before: Progress, { type, executionId, data }: CanvasEvent): Progress {
  switch (type) {
    case 'execution:started':
      return { ...before, hasStarted: true };
    case 'block:started':
      return { ...before, ...mark(before, data, 'running'), lines: withStarted(before.lines, data) };
    case 'block:completed':
      return {
        ...finished(before, data, isWaiting(data) ? 'paused' : 'done'),
        outputs: new Map(before.outputs).set(data.blockId ?? '', data.output ?? null),
      };
    case 'block:error':
      return finished(before, data, 'failed');
    case 'stream:chunk':
      return { ...before, lines: withText(before.lines, data) };
    case 'stream:chunk_reset':
      return { ...before, lines: changeLast(before.lines, data.blockId, (line) => ({ ...line, text: '' })) };
    case 'execution:completed':
      return { ...before, outcome: { status: 'completed', output: data.output } };
    case 'execution:paused':
      return { ...before, outcome: { status: 'paused', output: data.output, runId: executionId } };
    case 'execution:error':
      return ended(before, 'failed', data.error);
    case 'execution:cancelled':
      return ended(before, 'cancelled');
    default:
      return before;
  }
}

function finished(before: Progress, data: CanvasEvent['data'], status: RunMark['status']): Progress {
  return { ...before, ...mark(before, data, status), lines: withFinished(before.lines, data, status) };
}

/** Return whether the block waits for a time or an answer: its event says that it is completed. */
function isWaiting({ blockType = '', output }: CanvasEvent['data']): boolean {
  return describeWait({ type: blockType, output }) !== null;
}

function ended(before: Progress, status: 'failed' | 'cancelled', error?: string): Progress {
  const marks = new Map([...before.marks].filter(([, found]) => found.status !== 'running'));
  const lines = before.lines.filter((line) => line.status !== 'running');
  return { ...before, marks, lines, outcome: { status, error } };
}

function mark(before: Progress, data: CanvasEvent['data'], status: RunMark['status']): Pick<Progress, 'marks'> {
  const id = data.blockId ?? '';
  const known = before.marks.get(id);
  const times = (known?.times ?? 0) + (status === 'running' ? 1 : 0);
  const made: RunMark = { status, times: Math.max(1, times), durationMs: data.durationMs, error: data.error };
  return { marks: new Map(before.marks).set(id, made) };
}

function withStarted(lines: readonly RunLine[], data: CanvasEvent['data']): RunLine[] {
  const line: RunLine = {
    key: (lines.at(-1)?.key ?? 0) + 1,
    blockId: data.blockId ?? '',
    blockName: data.blockName ?? '',
    blockType: data.blockType ?? '',
    status: 'running',
    text: '',
  };
  return [...lines, line].slice(-MAX_LINES);
}

function withFinished(lines: readonly RunLine[], data: CanvasEvent['data'], status: RunMark['status']): RunLine[] {
  const { input, output, error, durationMs } = data;
  return changeLast(lines, data.blockId, (line) => ({ ...line, status, input, output, error, durationMs }));
}

function withText(lines: readonly RunLine[], data: CanvasEvent['data']): RunLine[] {
  return changeLast(lines, data.blockId, (line) => ({ ...line, text: line.text + (data.chunk ?? '') }));
}

function changeLast(
  lines: readonly RunLine[],
  blockId: string | undefined,
  change: (line: RunLine) => RunLine,
): RunLine[] {
  const at = lines.findLastIndex((line) => line.blockId === blockId && line.status === 'running');
  return lines.map((line, index) => (index === at ? change(line) : line));
}
