import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { DraftSaver } from '@/workflow/draft-saver';
import { readState, type WorkflowState } from '@/workflow/state';
import { type Answer, api, ask } from './client';
import { workflowKeys } from './workflows';

export type VersionRow = Answer<'/api/workflows/{workflow_id}/deployments', 'get'>['versions'][number];

export function useVersions(id: string) {
  return useQuery({
    queryKey: workflowKeys.versions(id),
    queryFn: () => ask(api.GET('/api/workflows/{workflow_id}/deployments', { params: { path: { workflow_id: id } } })),
    select: (found) => found.versions,
  });
}

/** The state that a version runs. It never changes. */
export function useVersionState(id: string, version: number | null) {
  return useQuery({
    queryKey: [...workflowKeys.versions(id), version, 'state'],
    enabled: version !== null,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async (): Promise<WorkflowState> => {
      const path = { workflow_id: id, version: String(version) };
      const found = await ask(api.GET('/api/workflows/{workflow_id}/deployments/{version}', { params: { path } }));
      return readState((found.deployedState ?? {}) as Partial<WorkflowState>);
    },
  });
}

function renew(client: QueryClient, id: string) {
  return Promise.all([
    client.invalidateQueries({ queryKey: workflowKeys.deployment(id) }),
    client.invalidateQueries({ queryKey: workflowKeys.versions(id), exact: true }),
    client.invalidateQueries({ queryKey: workflowKeys.samples(id) }),
    client.invalidateQueries({ queryKey: workflowKeys.all, exact: true }),
  ]);
}

/** Publishes the draft as its author sees it: one that could not be saved is not published. */
export function useDeploy(id: string, draft: Pick<DraftSaver, 'published'>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () =>
      draft.published((revision) => {
        const params = { path: { workflow_id: id }, header: { 'if-match': revision } };
        return ask(api.POST('/api/workflows/{workflow_id}/deploy', { params }));
      }),
    onSettled: () => renew(client, id),
  });
}

export function useUndeploy(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => ask(api.DELETE('/api/workflows/{workflow_id}/deploy', { params: { path: { workflow_id: id } } })),
    onSettled: () => renew(client, id),
  });
}

interface VersionChange {
  name?: string;
  description?: string | null;
  isActive?: true;
}

/** Renames or describes a version, or makes it live. */
export function useChangeVersion(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ version, change }: { version: number; change: VersionChange }) => {
      const path = { workflow_id: id, version: String(version) };
      return ask(
        api.PATCH('/api/workflows/{workflow_id}/deployments/{version}', { params: { path }, body: change as never }),
      );
    },
    onSettled: () => renew(client, id),
  });
}

/** Puts a version's state into the draft, where nobody else has saved it meanwhile. */
export function useLoadVersion(id: string, draft: Pick<DraftSaver, 'giveWay'>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (version: number) => {
      await draft.giveWay();
      const path = { workflow_id: id, version: String(version) };
      return ask(api.POST('/api/workflows/{workflow_id}/deployments/{version}/revert', { params: { path } }));
    },
    onSettled: () => renew(client, id),
  });
}

export function useSetAccess(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (isPublicApi: boolean) =>
      ask(
        api.PATCH('/api/workflows/{workflow_id}/deploy', {
          params: { path: { workflow_id: id } },
          body: { isPublicApi } as never,
        }),
      ),
    onSettled: () => renew(client, id),
  });
}

export function versionTitle(version: Pick<VersionRow, 'name' | 'version'>): string {
  return version.name ?? `v${version.version}`;
}

/** What is told of a version that has become live: one note, however much there is to know of it. */
export function liveNote(title: string, warnings?: readonly string[] | null): string {
  return [`${title} is live.`, ...(warnings ?? [])].join('\n');
}

/** What changed from one state to another: `draft`, `active` or a version's number. */
export function useDiff(id: string, from: string, to: string) {
  return useQuery({
    queryKey: [...workflowKeys.one(id), 'diff', from, to],
    staleTime: 0,
    queryFn: () =>
      ask(api.GET('/api/workflows/{workflow_id}/diff', { params: { path: { workflow_id: id }, query: { from, to } } })),
    select: (found) => found.changes,
  });
}

/** What a deploy of the draft would say. */
export function useProblems(id: string) {
  return useQuery({
    queryKey: [...workflowKeys.one(id), 'problems'],
    staleTime: 0,
    queryFn: () => ask(api.GET('/api/workflows/{workflow_id}/problems', { params: { path: { workflow_id: id } } })),
  });
}
