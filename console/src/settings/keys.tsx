import { KeyRound, Plus } from 'lucide-react';
import { useState } from 'react';
import { type KeyKind, type KeyRow, useKeys, useRevokeKey } from '@/api/keys';
import { can, useSignedIn } from '@/api/session';
import { useWorkflows } from '@/api/workflows';
import { ago, moment } from '@/app/format';
import { NewKeyDialog } from '@/deploy/new-key-dialog';
import { ActionTable } from '@/ui/action-table';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { Badge, Empty, Failure, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { useToasts } from '@/ui/toasts';
import { Section } from './section';

export function KeysSection() {
  const { workspace } = useSignedIn();
  const [making, setMaking] = useState(false);
  const isAdmin = can(workspace.role, 'admin');
  const shared = useKeys('workspace', isAdmin);
  const own = useKeys('personal');
  const workflows = useWorkflows();
  const create = (
    <Button look="primary" icon={<Plus size={16} aria-hidden />} onClick={() => setMaking(true)}>
      Create key
    </Button>
  );
  return (
    <>
      {isAdmin && (
        <Section title="Workspace keys" about="For programs. They work in this workspace only." action={create}>
          <Keys kind="workspace" keys={shared} />
        </Section>
      )}
      {/* Below a table, and so not before one knows how long that is. */}
      {!shared.isLoading && !workflows.isPending && (
        <Section
          title="Your keys"
          about="They work wherever you may, as long as you may."
          action={isAdmin ? undefined : create}
        >
          <Keys kind="personal" keys={own} />
        </Section>
      )}
      {making && <NewKeyDialog onClose={() => setMaking(false)} />}
    </>
  );
}

function Keys({ kind, keys }: { kind: KeyKind; keys: ReturnType<typeof useKeys> }) {
  const workflows = useWorkflows();
  if (keys.isPending || workflows.isPending) return <Skeleton rows={2} />;
  if (keys.isLoadingError) return <Failure error={keys.error} onRetry={keys.refetch} />;
  const names = new Map(workflows.data?.map(({ id, name }) => [id, name]));
  if (!keys.data.length) return <Empty icon={<KeyRound size={22} aria-hidden />} title="No keys yet" />;
  return (
    <ActionTable label="Key table" columns={['Name', 'Key', 'May', 'Created', 'Last used']}>
      {keys.data.map((key) => (
        <Row key={key.id} row={key} kind={kind} names={names} />
      ))}
    </ActionTable>
  );
}

interface RowProps {
  row: KeyRow;
  kind: KeyKind;
  names: ReadonlyMap<string, string>;
}

function Row({ row, kind, names }: RowProps) {
  const { say, fail } = useToasts();
  const revoke = useRevokeKey(kind);
  const [asked, setAsked] = useState(false);
  const isExpired = row.expiresAt !== null && Date.parse(row.expiresAt) <= Date.now();
  return (
    <tr>
      <td>
        {row.name} {isExpired && <Badge tone="red">Expired</Badge>}
      </td>
      <td>
        <code>{row.displayKey}</code>
      </td>
      <td>
        <Badge>{row.scopes.includes('admin') ? 'everything' : row.scopes.join(', ')}</Badge>
        {row.workflowIds && (
          <p className={table.quiet}>
            only {row.workflowIds.map((id) => names.get(id) ?? 'a workflow that is not here').join(', ')}
          </p>
        )}
      </td>
      <td className={table.quiet}>
        {moment(row.createdAt)}
        <br />
        {row.expiresAt ? `${isExpired ? 'expired' : 'until'} ${moment(row.expiresAt)}` : `by ${row.createdBy}`}
      </td>
      <td className={table.quiet}>{row.lastUsed ? ago(row.lastUsed) : 'Never'}</td>
      <td className={table.end}>
        <Button aria-label={`Revoke ${row.name}`} onClick={() => setAsked(true)}>
          Revoke
        </Button>
        <Confirm
          title={`Revoke ${row.name}?`}
          question="Calls with this key are refused at once, everywhere. It cannot be brought back."
          action="Revoke"
          busy={revoke.isPending}
          open={asked}
          onClose={() => setAsked(false)}
          onConfirm={() =>
            revoke.mutate(row.id, {
              onSuccess: () => say(`${row.name} is revoked.`),
              onError: fail,
              onSettled: () => setAsked(false),
            })
          }
        />
      </td>
    </tr>
  );
}
