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

/** Save the draft and return its new revision. Throws ApiError 409 if someone else changed it. */
export async function saveDraft(workflowId: string, state: WorkflowState, revision: string): Promise<string> {
  const headers = { 'content-type': 'application/json', 'if-match': revision };
  return (await exchange(workflowId, { method: 'PUT', headers, body: JSON.stringify(state) })).revision;
}

async function exchange(workflowId: string, request: RequestInit): Promise<{ body: unknown; revision: string }> {
  const response = await fetch(`/api/workflows/${workflowId}/state`, request);
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw ApiError.of(response.status, body);
  return { body, revision: response.headers.get('etag') ?? '*' };
}
