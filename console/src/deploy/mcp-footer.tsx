import { useIsSavingTool, useMcpServers } from '@/api/mcp-servers';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { Button, ButtonLink } from '@/ui/button';
import { MCP_FORM } from './mcp-tab';

/** Actions of the MCP tab. */
export function McpFooter({ workflow }: { workflow: WorkflowRow }) {
  const { workspace } = useSignedIn();
  const deployment = useDeployment(workflow.id);
  const servers = useMcpServers();
  const saving = useIsSavingTool(workflow.id);
  const isDisabled = !can(workspace.role, 'admin') || !deployment.data?.isDeployed;
  return (
    <>
      <ButtonLink href="/settings/mcp">Manage</ButtonLink>
      <Button
        variant="primary"
        type="submit"
        form={MCP_FORM}
        busy={saving}
        disabled={isDisabled || !servers.data?.length}
      >
        {saving ? 'Saving…' : 'Save Tool'}
      </Button>
    </>
  );
}
