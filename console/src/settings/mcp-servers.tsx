import { Blocks, Pencil, Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { type McpServer, useDeleteMcpServer, useMcpServers } from '@/api/mcp-servers';
import { can, useSignedIn } from '@/api/session';
import { ActionTable } from '@/ui/action-table';
import { Button, IconButton } from '@/ui/button';
import { CopyButton } from '@/ui/copy-button';
import { Confirm } from '@/ui/dialog';
import { Badge, Empty, LoadError, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { useToasts } from '@/ui/toasts';
import { McpServerDialog } from './mcp-server-dialog';
import styles from './mcp-servers.module.css';
import { Section } from './section';

export function McpServersSection() {
  const { workspace } = useSignedIn();
  const [isCreating, setCreating] = useState(false);
  const isAdmin = can(workspace.role, 'admin');
  return (
    <>
      <Section
        title="MCP servers"
        about="Agents connect to a server to use workflows as tools. Add a workflow on the MCP tab of its Deploy window."
        action={
          isAdmin && (
            <Button variant="primary" icon={<Plus size={16} aria-hidden />} onClick={() => setCreating(true)}>
              Create server
            </Button>
          )
        }
      >
        <Servers isAdmin={isAdmin} />
      </Section>
      {isCreating && <McpServerDialog server={null} onClose={() => setCreating(false)} />}
    </>
  );
}

function Servers({ isAdmin }: { isAdmin: boolean }) {
  const servers = useMcpServers();
  if (servers.isPending) return <Skeleton rows={2} />;
  if (servers.isLoadingError) return <LoadError error={servers.error} onRetry={servers.refetch} />;
  if (!servers.data.length) {
    return (
      <Empty icon={<Blocks size={22} aria-hidden />} title="No MCP servers">
        Create a server to offer workflows as tools to agents.
      </Empty>
    );
  }
  return (
    <ActionTable label="Server table" columns={['Name', 'Tools', 'Access']}>
      {servers.data.map((server) => (
        <Row key={server.id} server={server} isAdmin={isAdmin} />
      ))}
    </ActionTable>
  );
}

function Row({ server, isAdmin }: { server: McpServer; isAdmin: boolean }) {
  const { fail } = useToasts();
  const remove = useDeleteMcpServer();
  const [open, setOpen] = useState<'edit' | 'delete' | null>(null);
  const close = () => setOpen(null);
  return (
    <tr>
      <td>
        <div className={styles.server}>
          <span>{server.name}</span>
          <code className={styles.url}>{server.url}</code>
        </div>
      </td>
      <td className={table.quiet}>{server.tools.map((tool) => tool.toolName).join(', ') || 'None'}</td>
      <td>
        <Badge tone={server.isPublic ? 'amber' : 'quiet'}>{server.isPublic ? 'Public' : 'API key'}</Badge>
      </td>
      <td className={table.end}>
        <CopyButton text={server.url} label={`Copy the URL of ${server.name}`} />
        {isAdmin && (
          <>
            <IconButton label={`Edit ${server.name}`} onClick={() => setOpen('edit')}>
              <Pencil size={15} aria-hidden />
            </IconButton>
            <IconButton label={`Delete ${server.name}`} onClick={() => setOpen('delete')}>
              <Trash2 size={15} aria-hidden />
            </IconButton>
          </>
        )}
        {open === 'edit' && <McpServerDialog server={server} onClose={close} />}
        <Confirm
          title={`Delete ${server.name}?`}
          question="Its URL and tools stop working. The workflows are not affected."
          action="Delete"
          busy={remove.isPending}
          open={open === 'delete'}
          onClose={close}
          onConfirm={() => remove.mutate(server.id, { onError: fail, onSettled: close })}
        />
      </td>
    </tr>
  );
}
