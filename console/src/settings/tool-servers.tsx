import { Blocks, Pencil, Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { can, useSignedIn } from '@/api/session';
import { type ToolServer, useDeleteServer, useToolServers } from '@/api/tool-servers';
import { ActionTable } from '@/ui/action-table';
import { Button, IconButton } from '@/ui/button';
import { CopyButton } from '@/ui/copy-button';
import { Confirm } from '@/ui/dialog';
import { Badge, Empty, Failure, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { useToasts } from '@/ui/toasts';
import { Section } from './section';
import { ToolServerDialog } from './tool-server-dialog';
import styles from './tool-servers.module.css';

export function ToolServersSection() {
  const { workspace } = useSignedIn();
  const [making, setMaking] = useState(false);
  const isAdmin = can(workspace.role, 'admin');
  return (
    <>
      <Section
        title="MCP servers"
        about="Agents connect to a server and use workflows as tools. Which workflows: in their Deploy window, on the MCP tab."
        action={
          isAdmin && (
            <Button look="primary" icon={<Plus size={16} aria-hidden />} onClick={() => setMaking(true)}>
              Create server
            </Button>
          )
        }
      >
        <Servers isAdmin={isAdmin} />
      </Section>
      {making && <ToolServerDialog server={null} onClose={() => setMaking(false)} />}
    </>
  );
}

function Servers({ isAdmin }: { isAdmin: boolean }) {
  const servers = useToolServers();
  if (servers.isPending) return <Skeleton rows={2} />;
  if (servers.isLoadingError) return <Failure error={servers.error} onRetry={servers.refetch} />;
  if (!servers.data.length) return <Empty icon={<Blocks size={22} aria-hidden />} title="No MCP servers yet" />;
  return (
    <ActionTable label="Server table" columns={['Name', 'Tools', 'Access']}>
      {servers.data.map((server) => (
        <Row key={server.id} server={server} isAdmin={isAdmin} />
      ))}
    </ActionTable>
  );
}

function Row({ server, isAdmin }: { server: ToolServer; isAdmin: boolean }) {
  const { fail } = useToasts();
  const remove = useDeleteServer();
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
        <CopyButton text={server.url} label={`Copy the address of ${server.name}`} />
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
        {open === 'edit' && <ToolServerDialog server={server} onClose={close} />}
        <Confirm
          title={`Delete ${server.name}?`}
          question="Its address answers nobody any more, and its tools are gone. The workflows stay as they are."
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
