import type { LogRow } from '@/api/logs';

type RunRef = Pick<LogRow, 'workflowId' | 'executionId'>;

export function runHref({ workflowId, executionId }: RunRef): string {
  return `/runs/${workflowId}/${executionId}`;
}

/** Return the address of the run on the canvas of its version, with a block selected. */
export function canvasHref(run: RunRef, blockId?: string): string {
  return withParams(`${runHref(run)}/canvas`, { block: blockId });
}

/** Return the address of the editor with the run on the draft and a block selected. */
export function editorHref({ workflowId, executionId }: RunRef, blockId?: string): string {
  return withParams(`/workflows/${workflowId}`, { run: executionId, block: blockId });
}

/** Return the address of the editor with an open form for the input of the run: of the live version or of the draft. */
export function rerunHref({ workflowId, executionId }: RunRef, form: 'try' | 'draft'): string {
  return withParams(`/workflows/${workflowId}`, { run: executionId, open: form });
}

function withParams(path: string, params: Record<string, string | undefined>): string {
  const given = Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}
