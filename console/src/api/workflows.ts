import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { spread } from '@/workflow/spread';
import { api, type ResponseBody, unwrap } from './client';
import { readDraft, saveDraft } from './draft';
import { useSignedIn } from './session';

export type WorkflowRow = ResponseBody<'/api/workflows', 'get'>['data'][number];
export type DeletedWorkflow = ResponseBody<'/api/workspaces/{workspace_id}/workflows/deleted', 'get'>['data'][number];
export type Deployment = ResponseBody<'/api/workflows/{workflow_id}/deploy', 'get'>;

export const workflowKeys = {
  all: ['workflows'] as const,
  modified: ['workflows', 'modified'] as const,
  deleted: ['workflows', 'deleted'] as const,
  one: (id: string) => ['workflows', id] as const,
  deployment: (id: string) => ['workflows', id, 'deployment'] as const,
  versions: (id: string) => ['workflows', id, 'versions'] as const,
  samples: (id: string) => ['workflows', id, 'samples'] as const,
  problems: (id: string) => ['workflows', id, 'problems'] as const,
};

export function useWorkflows() {
  const { workspace } = useSignedIn();
  return useQuery({
    queryKey: workflowKeys.all,
    queryFn: () => unwrap(api.GET('/api/workflows', { params: { query: { workspaceId: workspace.id } } })),
    select: (rows) => rows.data,
  });
}

/** Load the ids of the workflows whose draft differs from the live version, with one request for all. */
export function useModifiedWorkflows() {
  const { workspace } = useSignedIn();
  return useQuery({
    queryKey: workflowKeys.modified,
    queryFn: () => unwrap(api.GET('/api/workflows/modified', { params: { query: { workspaceId: workspace.id } } })),
    select: (found) => new Set(found.data),
  });
}

/** Load the id of the workspace that a workflow belongs to. */
export function useWorkspaceOf(id: string) {
  return useQuery({
    queryKey: [...workflowKeys.one(id), 'workspace'],
    queryFn: () => unwrap(api.GET('/api/v1/workflows/{workflow_id}', { params: { path: { workflow_id: id } } })),
    select: (found) => found.data.workspaceId,
  });
}

/** Load the saved draft, to compare with or to show it. */
export function useStoredDraft(id: string) {
  return useQuery({
    queryKey: [...workflowKeys.one(id), 'draft'],
    queryFn: async () => (await readDraft(id)).state,
  });
}

export function useDeployment(id: string) {
  return useQuery({
    queryKey: workflowKeys.deployment(id),
    queryFn: () => unwrap(api.GET('/api/workflows/{workflow_id}/deploy', { params: { path: { workflow_id: id } } })),
  });
}

export function useCreateWorkflow() {
  const client = useQueryClient();
  const { workspace } = useSignedIn();
  return useMutation({
    mutationFn: (name: string) =>
      unwrap(api.POST('/api/workflows', { body: { name, workspaceId: workspace.id } as never })),
    onSuccess: () => client.invalidateQueries({ queryKey: workflowKeys.all }),
  });
}

export function useImportWorkflow() {
  const client = useQueryClient();
  const { workspace } = useSignedIn();
  return useMutation({
    mutationFn: async (file: Blob) => {
      const body = { workspaceId: workspace.id, workflow: await file.text() } as never;
      const imported = await unwrap(api.POST('/api/v1/workflows/import', { body }));
      // Best effort: a workflow with overlapping blocks is imported all the same.
      await spreadDraft(imported.data.id).catch(() => undefined);
      return imported;
    },
    onSuccess: () => client.invalidateQueries({ queryKey: workflowKeys.all }),
  });
}

/** Create a workflow with the same draft under another name. An export would omit typed passwords. */
export function useDuplicateWorkflow() {
  const client = useQueryClient();
  const { workspace } = useSignedIn();
  return useMutation({
    mutationFn: async ({ id, name, description, folderId }: WorkflowRow) => {
      const { state } = await readDraft(id);
      const body = { workspaceId: workspace.id, name: copyName(name), description, folderId } as never;
      const made = await unwrap(api.POST('/api/workflows', { body }));
      const { revision } = await readDraft(made.id);
      await saveDraft(made.id, state, revision);
      return made;
    },
    onSuccess: () => client.invalidateQueries({ queryKey: workflowKeys.all }),
  });
}

const MAX_NAME_LENGTH = 200;

function copyName(name: string): string {
  const suffix = ' (copy)';
  return name.slice(0, MAX_NAME_LENGTH - suffix.length) + suffix;
}

/** Move blocks of the draft apart that its containers cover. */
async function spreadDraft(id: string): Promise<void> {
  const { state, revision } = await readDraft(id);
  const moved = spread(state);
  if (moved !== state) await saveDraft(id, moved, revision);
}

export function useUpdateWorkflow(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: { name?: string; description?: string }) =>
      unwrap(api.PUT('/api/workflows/{workflow_id}', { params: { path: { workflow_id: id } }, body: change as never })),
    onSuccess: () => void client.invalidateQueries({ queryKey: workflowKeys.all }),
  });
}

export function useArchiveWorkflow() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      unwrap(api.DELETE('/api/workflows/{workflow_id}', { params: { path: { workflow_id: id } } })),
    onSuccess: () => void client.invalidateQueries({ queryKey: workflowKeys.all }),
  });
}

/** Load the deleted workflows that can be restored. */
export function useDeletedWorkflows() {
  const { workspace } = useSignedIn();
  return useQuery({
    queryKey: workflowKeys.deleted,
    queryFn: () =>
      unwrap(
        api.GET('/api/workspaces/{workspace_id}/workflows/deleted', {
          params: { path: { workspace_id: workspace.id } },
        }),
      ),
    select: (found) => found.data,
  });
}

/** Restore a deleted workflow, with `redeploy` including its live version. */
export function useRestoreWorkflow() {
  const client = useQueryClient();
  const { workspace } = useSignedIn();
  return useMutation({
    mutationFn: ({ id, redeploy }: { id: string; redeploy: boolean }) =>
      unwrap(
        api.POST('/api/workspaces/{workspace_id}/workflows/{workflow_id}/restore', {
          params: { path: { workspace_id: workspace.id, workflow_id: id } },
          body: { redeploy },
        }),
      ),
    onSuccess: () => void client.invalidateQueries({ queryKey: workflowKeys.all }),
  });
}

/** Permanently delete a workflow and its runs. */
export function useEraseWorkflow() {
  const client = useQueryClient();
  const { workspace } = useSignedIn();
  return useMutation({
    mutationFn: (id: string) =>
      unwrap(
        api.DELETE('/api/workspaces/{workspace_id}/workflows/{workflow_id}', {
          params: { path: { workspace_id: workspace.id, workflow_id: id } },
        }),
      ),
    onSuccess: (_, id) =>
      client.setQueryData<{ data: DeletedWorkflow[] }>(
        workflowKeys.deleted,
        (known) => known && { data: known.data.filter((row) => row.id !== id) },
      ),
  });
}

/** Body of an export in JSON. The route can also return YAML. */
type ExportBody = ResponseBody<'/api/v1/workflows/{workflow_id}/export', 'get'>;
type FileFormat = 'json' | 'yaml';

/** Download the draft of a workflow as a file. */
export async function downloadWorkflow(
  { id, name }: Pick<WorkflowRow, 'id' | 'name'>,
  format: FileFormat,
): Promise<void> {
  const content = format === 'yaml' ? await exportYaml(id) : await exportJson(id);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], { type: `application/${format}` }));
  link.download = `${fileName(name)}.${format}`;
  link.click();
  URL.revokeObjectURL(link.href);
}

async function exportJson(id: string): Promise<string> {
  const path = { workflow_id: id };
  const file = await unwrap(api.GET('/api/v1/workflows/{workflow_id}/export', { params: { path } }));
  return JSON.stringify((file as ExportBody).data, null, 2);
}

async function exportYaml(id: string): Promise<string> {
  const params = { path: { workflow_id: id }, query: { format: 'yaml' as const } };
  return unwrap(api.GET('/api/v1/workflows/{workflow_id}/export', { params, parseAs: 'text' }));
}

/** Return a file name for a workflow name in any script. */
function fileName(name: string): string {
  const words = name.toLowerCase().match(/[\p{L}\p{N}\p{M}_]+/gu) ?? ['workflow'];
  return words.join('-');
}
