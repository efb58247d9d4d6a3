import { send } from '@/api/client';
import { isTransient } from '@/api/errors';
import { getStream, postStream } from '@/api/event-stream';
import type { Json } from '@/workflow/state';

export interface CanvasEvent {
  type: string;
  executionId: string;
  /** Set for events that can be replayed. */
  eventId?: number;
  data: {
    blockId?: string;
    blockName?: string;
    blockType?: string;
    input?: Json;
    output?: Json;
    error?: string;
    durationMs?: number;
    chunk?: string;
  };
}

const TRIES = 5;
const PAUSE_MS = 1_000;
const ENDS = new Set(['execution:completed', 'execution:paused', 'execution:error', 'execution:cancelled']);

/** Start a run of the saved draft and yield its events to the end. Reconnects if the connection is lost. */
export async function* draftRunEvents(
  workflowId: string,
  runId: string,
  input: Json,
  signal: AbortSignal,
): AsyncGenerator<CanvasEvent> {
  const body = { input, stream: true, isClientSession: true, useDraftState: true, triggerType: 'manual' };
  const headers = { 'x-execution-id': runId };
  let frames = postStream(`/api/workflows/${workflowId}/execute`, body, { headers, signal });
  let last: CanvasEvent | undefined;
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      for await (const frame of frames) {
        const event = frame as CanvasEvent;
        if (event.eventId) last = event;
        yield event;
        if (ENDS.has(event.type)) return;
        tries = 0;
      }
    } catch (error) {
      if (signal.aborted || !last || !isTransient(error)) throw error;
    }
    if (!last) break;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    frames = getStream(`${runPath(workflowId, runId)}/stream?from=${last.eventId}`, { signal });
  }
  throw new Error('The connection to the run was lost. Open Runs to see its status.');
}

/** Request the cancellation of a run. Its events report when it has ended. Throws ApiError. */
export async function cancelRun(workflowId: string, runId: string): Promise<void> {
  await send('POST', `${runPath(workflowId, runId)}/cancel`);
}

function runPath(workflowId: string, runId: string): string {
  return `/api/workflows/${workflowId}/executions/${encodeURIComponent(runId)}`;
}
