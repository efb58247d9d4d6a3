import { useIsMutating, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type Answer, api, ask } from './client';
import { workflowKeys } from './workflows';

export type Agent = Answer<'/api/a2a/agents/{agent_id}', 'get'>;

export interface AgentWish {
  name?: string;
  description?: string;
  skills?: Agent['skills'];
  isPublic?: boolean;
  isPublished?: boolean;
}

/** The agent that a workflow is, null when it is none. */
export function useAgent(workflowId: string) {
  return useQuery({
    queryKey: [...workflowKeys.one(workflowId), 'agent'],
    queryFn: () => ask(api.GET('/api/workflows/{workflow_id}/a2a', { params: { path: { workflow_id: workflowId } } })),
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

/** Makes the workflow an agent, or changes the one that it is. */
export function useSaveAgent(workflowId: string, agent: Agent | null | undefined) {
  return useAgentChange(workflowId, (wish: AgentWish) =>
    agent
      ? ask(api.PATCH('/api/a2a/agents/{agent_id}', { params: { path: { agent_id: agent.id } }, body: wish as never }))
      : ask(api.POST('/api/a2a/agents', { body: { ...wish, workflowId } as never })),
  );
}

export function useDeleteAgent(workflowId: string) {
  return useAgentChange(workflowId, (id: string) =>
    ask(api.DELETE('/api/a2a/agents/{agent_id}', { params: { path: { agent_id: id } } })),
  );
}

export function useIsChangingAgent(workflowId: string): boolean {
  return useIsMutating({ mutationKey: changeKey(workflowId) }) > 0;
}
