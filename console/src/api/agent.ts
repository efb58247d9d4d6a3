import { useIsMutating, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, type ResponseBody, unwrap } from './client';
import { workflowKeys } from './workflows';

export type Agent = ResponseBody<'/api/a2a/agents/{agent_id}', 'get'>;

export interface AgentSettings {
  name?: string;
  description?: string;
  skills?: Agent['skills'];
  isPublic?: boolean;
  isPublished?: boolean;
}

/** Load the agent of a workflow, null if it has none. */
export function useAgent(workflowId: string) {
  return useQuery({
    queryKey: [...workflowKeys.one(workflowId), 'agent'],
    queryFn: () =>
      unwrap(api.GET('/api/workflows/{workflow_id}/a2a', { params: { path: { workflow_id: workflowId } } })),
    select: (found) => found.agent,
  });
}

const changeKey = (workflowId: string) => ['change-agent', workflowId];

function useAgentChange<Variables>(workflowId: string, change: (variables: Variables) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({
    mutationKey: changeKey(workflowId),
    mutationFn: change,
    onSettled: () => client.invalidateQueries({ queryKey: workflowKeys.one(workflowId) }),
  });
}

/** Create or update the agent of a workflow. */
export function useSaveAgent(workflowId: string, agent: Agent | null | undefined) {
  return useAgentChange(workflowId, (settings: AgentSettings) =>
    agent
      ? unwrap(
          api.PATCH('/api/a2a/agents/{agent_id}', {
            params: { path: { agent_id: agent.id } },
            body: settings as never,
          }),
        )
      : unwrap(api.POST('/api/a2a/agents', { body: { ...settings, workflowId } as never })),
  );
}

export function useDeleteAgent(workflowId: string) {
  return useAgentChange(workflowId, (id: string) =>
    unwrap(api.DELETE('/api/a2a/agents/{agent_id}', { params: { path: { agent_id: id } } })),
  );
}

export function useIsChangingAgent(workflowId: string): boolean {
  return useIsMutating({ mutationKey: changeKey(workflowId) }) > 0;
}
