import { useIsMutating, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type Answer, api, ask } from './client';
import { useSignedIn } from './session';

type Found = Answer<'/api/mcp/workflow-servers/{server_id}', 'get'>['data'];
export type Tool = Found['tools'][number];
export type ToolServer = Found['server'] & { tools: Tool[] };

const KEY = ['tool-servers'];

/** The workspace's MCP servers with their tools, oldest first. */
export function useToolServers() {
  const { workspace } = useSignedIn();
  return useQuery({ queryKey: KEY, queryFn: () => readServers(workspace.id) });
}

async function readServers(workspaceId: string): Promise<ToolServer[]> {
  const { data } = await ask(api.GET('/api/mcp/workflow-servers', { params: { query: { workspaceId } } }));
  return Promise.all(data.servers.map(({ id }) => readServer(id)));
}

async function readServer(id: string): Promise<ToolServer> {
  const path = { server_id: id };
  const { data } = await ask(api.GET('/api/mcp/workflow-servers/{server_id}', { params: { path } }));
  return { ...data.server, tools: data.tools };
}

function useServerChange<Variables>(
  change: (variables: Variables) => Promise<unknown>,
  mutationKey?: readonly string[],
) {
  const client = useQueryClient();
  return useMutation({ mutationKey, mutationFn: change, onSettled: () => client.invalidateQueries({ queryKey: KEY }) });
}

export interface ServerWish {
  name: string;
  description: string;
  isPublic: boolean;
}

/** Makes a server, or changes of the one that there is what is named. */
export function useSaveServer(server: ToolServer | null) {
  const { workspace } = useSignedIn();
  return useServerChange((wish: Partial<ServerWish>) =>
    server
      ? ask(
          api.PATCH('/api/mcp/workflow-servers/{server_id}', {
            params: { path: { server_id: server.id } },
            body: wish as never,
          }),
        )
      : ask(api.POST('/api/mcp/workflow-servers', { body: { ...wish, workspaceId: workspace.id } as never })),
  );
}

export function useDeleteServer() {
  return useServerChange((id: string) =>
    ask(api.DELETE('/api/mcp/workflow-servers/{server_id}', { params: { path: { server_id: id } } })),
  );
}

export interface ToolWish {
  toolName: string;
  toolDescription: string;
  parameterDescriptions: Record<string, string>;
}

const saveKey = (workflowId: string) => ['save-tool', workflowId];

/** Makes the workflow this tool on the chosen servers, and no tool on the others. */
export function useSaveTool(workflowId: string, servers: readonly ToolServer[]) {
  return useServerChange(async ({ wish, chosen }: { wish: ToolWish; chosen: ReadonlySet<string> }) => {
    for (const server of servers) await saveTool(server, workflowId, chosen.has(server.id) ? wish : null);
  }, saveKey(workflowId));
}

export function useIsSavingTool(workflowId: string): boolean {
  return useIsMutating({ mutationKey: saveKey(workflowId) }) > 0;
}

async function saveTool(server: ToolServer, workflowId: string, wish: ToolWish | null): Promise<void> {
  const there = toolOf(server, workflowId) !== undefined;
  const tools = { params: { path: { server_id: server.id } } };
  const tool = { params: { path: { server_id: server.id, tool_id: workflowId } } };
  if (wish && there) {
    await ask(api.PATCH('/api/mcp/workflow-servers/{server_id}/tools/{tool_id}', { ...tool, body: wish as never }));
  } else if (wish) {
    const body = { ...wish, workflowId } as never;
    await ask(api.POST('/api/mcp/workflow-servers/{server_id}/tools', { ...tools, body }));
  } else if (there) {
    await ask(api.DELETE('/api/mcp/workflow-servers/{server_id}/tools/{tool_id}', tool));
  }
}

/** The tool that runs the workflow on this server. */
export function toolOf(server: ToolServer, workflowId: string): Tool | undefined {
  return server.tools.find((tool) => tool.workflowId === workflowId);
}
