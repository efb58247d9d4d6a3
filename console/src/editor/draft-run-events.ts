import { send } from '@/api/client';
import { mayPass } from '@/api/errors';
import { getStream, postStream } from '@/api/event-stream';
import type { Json } from '@/workflow/state';

export interface CanvasEvent {
  type: string;
  executionId: string;
  /** Only of events that can be read again. */
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

/** What happens in a new run of the saved draft, `runId`, to its end: where the line is lost, it is taken up again. */
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
      if (signal.aborted || !last || !mayPass(error)) throw error;
    }
    if (!last) break;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    frames = getStream(`${runPath(workflowId, runId)}/stream?from=${last.eventId}`, { signal });
  }
  throw new Error('The connection to the run was lost');
}

/** Asks for the end of a run; its events tell when it has come. Raises ApiError. */
export async function cancelRun(workflowId: string, runId: string): Promise<void> {
  await send('POST', `${runPath(workflowId, runId)}/cancel`);
}

function runPath(workflowId: string, runId: string): string {
  return `/api/workflows/${workflowId}/executions/${encodeURIComponent(runId)}`;
}
