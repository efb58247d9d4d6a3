import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { acceptedNames } from '@/workflow/accepted-warnings';
import type { DraftSaver } from '@/workflow/draft-saver';
import { readState, type WorkflowState } from '@/workflow/state';
import { api, type ResponseBody, unwrap } from './client';
import { ApiError } from './errors';
import type { Gate } from './replays';
import { workflowKeys } from './workflows';

export type VersionRow = ResponseBody<'/api/workflows/{workflow_id}/deployments', 'get'>['versions'][number];

export function useVersions(id: string, enabled = true) {
  return useQuery({
    enabled,
    queryKey: workflowKeys.versions(id),
    queryFn: () =>
      unwrap(api.GET('/api/workflows/{workflow_id}/deployments', { params: { path: { workflow_id: id } } })),
    select: (found) => found.versions,
  });
}

/** Load the state of a version. It is immutable. */
export function useVersionState(id: string, version: number | null) {
  return useQuery({
    queryKey: [...workflowKeys.versions(id), version, 'state'],
    enabled: version !== null,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async (): Promise<WorkflowState> => {
      const path = { workflow_id: id, version: String(version) };
      const found = await unwrap(api.GET('/api/workflows/{workflow_id}/deployments/{version}', { params: { path } }));
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
    client.invalidateQueries({ queryKey: workflowKeys.modified }),
  ]);
}

interface DeployOptions {
  /** Keys of the accepted warnings. */
  accepted: readonly string[];
  gate?: Gate;
}

/**
 * Deploy the draft that the author sees, with the accepted warnings. Fails if the draft could not be saved, if it has
 * an error or another warning, or if its gate refuses it.
 */
export function useDeploy(id: string, draft: Pick<DraftSaver, 'publishWith'>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ accepted, gate }: DeployOptions) =>
      draft.publishWith(async (revision) => {
        const acceptedWarnings = accepted.length ? acceptedNames((await readProblems(id)).warnings, accepted) : [];
        const params = { path: { workflow_id: id }, header: { 'if-match': revision } };
        const body = { acceptedWarnings, gate } as never;
        return unwrap(api.POST('/api/workflows/{workflow_id}/deploy', { params, body }));
      }),
    onSettled: () =>
      Promise.all([renew(client, id), client.invalidateQueries({ queryKey: workflowKeys.problems(id) })]),
  });
}

/** Return whether a deploy was refused because of the draft's errors or warnings. */
export function isRefusedDraft(error: unknown): boolean {
  // The code of these routes follows from the text, so the problems in the details tell.
  return error instanceof ApiError && error.status === 400 && error.details.some(({ code }) => code !== undefined);
}

export function useUndeploy(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () =>
      unwrap(api.DELETE('/api/workflows/{workflow_id}/deploy', { params: { path: { workflow_id: id } } })),
    onSettled: () => renew(client, id),
  });
}

interface VersionChange {
  name?: string;
  description?: string | null;
  isActive?: true;
  /** Replay that must have passed before the version goes live. */
  gate?: Gate;
}

/** Rename, describe or promote a version. */
export function useUpdateVersion(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ version, change }: { version: number; change: VersionChange }) => {
      const path = { workflow_id: id, version: String(version) };
      return unwrap(
        api.PATCH('/api/workflows/{workflow_id}/deployments/{version}', { params: { path }, body: change as never }),
      );
    },
    onSettled: () => renew(client, id),
  });
}

/** Replace the draft with a version's state. Fails if the draft was changed elsewhere. */
export function useLoadVersion(id: string, draft: Pick<DraftSaver, 'prepareReplacement'>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (version: number) => {
      await draft.prepareReplacement();
      const path = { workflow_id: id, version: String(version) };
      return unwrap(api.POST('/api/workflows/{workflow_id}/deployments/{version}/revert', { params: { path } }));
    },
    onSettled: () => renew(client, id),
  });
}

export function useSetAccess(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (isPublicApi: boolean) =>
      unwrap(
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

/** Return the toast for a version that went live, including all warnings. */
export function liveNote(title: string, warnings?: readonly string[] | null): string {
  return [`${title} is live.`, ...(warnings ?? [])].join('\n');
}

/** Load the differences between two states: `draft`, `active` or a version number. */
export function useDiff(id: string, from: string, to: string) {
  return useQuery({
    queryKey: [...workflowKeys.one(id), 'diff', from, to],
    staleTime: 0,
    queryFn: () =>
      unwrap(
        api.GET('/api/workflows/{workflow_id}/diff', { params: { path: { workflow_id: id }, query: { from, to } } }),
      ),
    select: (found) => found.changes,
  });
}

/** Load the errors and warnings that deploying the draft would report. */
export function useProblems(id: string) {
  return useQuery({
    queryKey: workflowKeys.problems(id),
    staleTime: 0,
    queryFn: () => readProblems(id),
  });
}

function readProblems(id: string) {
  return unwrap(api.GET('/api/workflows/{workflow_id}/problems', { params: { path: { workflow_id: id } } }));
}
