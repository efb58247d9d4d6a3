import { useIsMutating, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, type ResponseBody, unwrap } from './client';
import { useSignedIn } from './session';

type Found = ResponseBody<'/api/mcp/workflow-servers/{server_id}', 'get'>['data'];
export type Tool = Found['tools'][number];
export type McpServer = Found['server'] & { tools: Tool[] };

const KEY = ['mcp-servers'];

/** Load the workspace's MCP servers with their tools, oldest first. */
export function useMcpServers() {
  const { workspace } = useSignedIn();
  return useQuery({ queryKey: KEY, queryFn: () => readServers(workspace.id) });
}

async function readServers(workspaceId: string): Promise<McpServer[]> {
  const { data } = await unwrap(api.GET('/api/mcp/workflow-servers', { params: { query: { workspaceId } } }));
  return Promise.all(data.servers.map(({ id }) => readServer(id)));
}

async function readServer(id: string): Promise<McpServer> {
  const path = { server_id: id };
  const { data } = await unwrap(api.GET('/api/mcp/workflow-servers/{server_id}', { params: { path } }));
  return { ...data.server, tools: data.tools };
}

function useServerChange<Variables>(
  change: (variables: Variables) => Promise<unknown>,
  mutationKey?: readonly string[],
) {
  const client = useQueryClient();
  return useMutation({ mutationKey, mutationFn: change, onSettled: () => client.invalidateQueries({ queryKey: KEY }) });
}

export interface McpServerSettings {
  name: string;
  description: string;
  isPublic: boolean;
}

/** Create a server, or update the given fields of an existing one. */
export function useSaveMcpServer(server: McpServer | null) {
  const { workspace } = useSignedIn();
  return useServerChange((settings: Partial<McpServerSettings>) =>
    server
      ? unwrap(
          api.PATCH('/api/mcp/workflow-servers/{server_id}', {
            params: { path: { server_id: server.id } },
            body: settings as never,
          }),
        )
      : unwrap(api.POST('/api/mcp/workflow-servers', { body: { ...settings, workspaceId: workspace.id } as never })),
  );
}

export function useDeleteMcpServer() {
  return useServerChange((id: string) =>
    unwrap(api.DELETE('/api/mcp/workflow-servers/{server_id}', { params: { path: { server_id: id } } })),
  );
}

interface ToolSettings {
  toolName: string;
  toolDescription: string;
  parameterDescriptions: Record<string, string>;
}

const saveKey = (workflowId: string) => ['save-tool', workflowId];

/** Publish the workflow as a tool on the chosen servers and remove it from the others. */
export function useSaveTool(workflowId: string, servers: readonly McpServer[]) {
  return useServerChange(async ({ settings, chosen }: { settings: ToolSettings; chosen: ReadonlySet<string> }) => {
    for (const server of servers) await saveTool(server, workflowId, chosen.has(server.id) ? settings : null);
  }, saveKey(workflowId));
}

export function useIsSavingTool(workflowId: string): boolean {
  return useIsMutating({ mutationKey: saveKey(workflowId) }) > 0;
}

async function saveTool(server: McpServer, workflowId: string, settings: ToolSettings | null): Promise<void> {
  const there = toolOf(server, workflowId) !== undefined;
  const tools = { params: { path: { server_id: server.id } } };
  const tool = { params: { path: { server_id: server.id, tool_id: workflowId } } };
  if (settings && there) {
    await unwrap(
      api.PATCH('/api/mcp/workflow-servers/{server_id}/tools/{tool_id}', { ...tool, body: settings as never }),
    );
  } else if (settings) {
    const body = { ...settings, workflowId } as never;
    await unwrap(api.POST('/api/mcp/workflow-servers/{server_id}/tools', { ...tools, body }));
  } else if (there) {
    await unwrap(api.DELETE('/api/mcp/workflow-servers/{server_id}/tools/{tool_id}', tool));
  }
}

/** Return the server's tool for a workflow. */
export function toolOf(server: McpServer, workflowId: string): Tool | undefined {
  return server.tools.find((tool) => tool.workflowId === workflowId);
}
