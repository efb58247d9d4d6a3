import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, type ResponseBody, unwrap } from './client';
import { useSignedIn } from './session';

export type WorkflowRow = ResponseBody<'/api/workflows', 'get'>['data'][number];
export type Deployment = ResponseBody<'/api/workflows/{workflow_id}/deploy', 'get'>;

export const workflowKeys = {
  all: ['workflows'] as const,
  one: (id: string) => ['workflows', id] as const,
  deployment: (id: string) => ['workflows', id, 'deployment'] as const,
  versions: (id: string) => ['workflows', id, 'versions'] as const,
  samples: (id: string) => ['workflows', id, 'samples'] as const,
};

export function useWorkflows() {
  const { workspace } = useSignedIn();
  return useQuery({
    queryKey: workflowKeys.all,
    queryFn: () => unwrap(api.GET('/api/workflows', { params: { query: { workspaceId: workspace.id } } })),
    select: (rows) => rows.data,
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

export function useDeployment(id: string, enabled = true) {
  return useQuery({
    enabled,
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
    mutationFn: async (file: File) =>
      unwrap(
        api.POST('/api/v1/workflows/import', {
          body: { workspaceId: workspace.id, workflow: await file.text() } as never,
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: workflowKeys.all }),
  });
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

/** Download the export file of a workflow. */
export async function downloadWorkflow({ id, name }: Pick<WorkflowRow, 'id' | 'name'>): Promise<void> {
  const path = { workflow_id: id };
  const { data } = await unwrap(api.GET('/api/v1/workflows/{workflow_id}/export', { params: { path } }));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }));
  link.download = `${fileName(name)}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Return a file name for a workflow name in any script. */
function fileName(name: string): string {
  const words = name.toLowerCase().match(/[\p{L}\p{N}\p{M}_]+/gu) ?? ['workflow'];
  return words.join('-');
}
