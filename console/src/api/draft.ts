import { readState, type WorkflowState } from '@/workflow/state';
import { ApiError } from './errors';

export interface Draft {
  state: WorkflowState;
  /** Sent with a save as If-Match, so that it never overwrites someone else's changes. */
  revision: string;
}

export async function readDraft(workflowId: string): Promise<Draft> {
  const { body, revision } = await exchange(workflowId, { method: 'GET' });
  return { state: readState(body as Partial<WorkflowState>), revision };
}

/** Load the draft unless it has this revision; null if it has. */
export async function readDraftIfChanged(workflowId: string, revision: string): Promise<Draft | null> {
  const found = await exchange(workflowId, { method: 'GET', headers: { 'if-none-match': revision } });
  return found.isUnchanged
    ? null
    : { state: readState(found.body as Partial<WorkflowState>), revision: found.revision };
}

/** Save the draft and return its new revision. Throws ApiError 409 if someone else changed it. */
export async function saveDraft(workflowId: string, state: WorkflowState, revision: string): Promise<string> {
  const headers = { 'content-type': 'application/json', 'if-match': revision };
  return (await exchange(workflowId, { method: 'PUT', headers, body: JSON.stringify(state) })).revision;
}

interface Exchanged {
  body: unknown;
  revision: string;
  isUnchanged: boolean;
}

async function exchange(workflowId: string, request: RequestInit): Promise<Exchanged> {
  const response = await fetch(`/api/workflows/${workflowId}/state`, request);
  const isUnchanged = response.status === 304;
  const body: unknown = isUnchanged ? null : await response.json().catch(() => null);
  if (!response.ok && !isUnchanged) throw ApiError.of(response.status, body);
  return { body, revision: response.headers.get('etag') ?? '*', isUnchanged };
}
