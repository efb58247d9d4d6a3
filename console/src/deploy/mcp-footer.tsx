import { can, useSignedIn } from '@/api/session';
import { useIsSavingTool, useToolServers } from '@/api/tool-servers';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { Button, ButtonLink } from '@/ui/button';
import { MCP_FORM } from './mcp-tab';

/** Saves the tool, and leads to the servers. */
export function McpFooter({ workflow }: { workflow: WorkflowRow }) {
  const { workspace } = useSignedIn();
  const deployment = useDeployment(workflow.id);
  const servers = useToolServers();
  const saving = useIsSavingTool(workflow.id);
  const mayNot = !can(workspace.role, 'admin') || !deployment.data?.isDeployed;
  return (
    <>
      <ButtonLink href="/settings/mcp">Manage</ButtonLink>
      <Button look="primary" type="submit" form={MCP_FORM} busy={saving} disabled={mayNot || !servers.data?.length}>
        {saving ? 'Saving…' : 'Save Tool'}
      </Button>
    </>
  );
}
