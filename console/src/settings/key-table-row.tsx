import { useState } from 'react';
import { type KeyKind, type KeyRow, useRevokeKey } from '@/api/keys';
import { count, formatAgo, formatDate } from '@/app/format';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { Badge } from '@/ui/states';
import table from '@/ui/table.module.css';
import { useToasts } from '@/ui/toasts';
import { EditKeyDialog } from './edit-key-dialog';

interface Props {
  row: KeyRow;
  kind: KeyKind;
  names: ReadonlyMap<string, string>;
  isReplaced: boolean;
  onRotate: () => void;
}

/** Row of a key with its permissions, expiration and actions. */
export function KeyTableRow({ row, kind, names, isReplaced, onRotate }: Props) {
  const { notify, fail } = useToasts();
  const revoke = useRevokeKey(kind);
  const [openDialog, setOpenDialog] = useState<'edit' | 'revoke' | null>(null);
  const close = () => setOpenDialog(null);
  const isExpired = row.expiresAt !== null && Date.parse(row.expiresAt) <= Date.now();
  const called = isReplaced ? `the replaced ${row.name}` : row.name;
  return (
    <tr>
      <td>
        {row.name} {isReplaced ? <Badge>Replaced</Badge> : isExpired && <Badge tone="red">Expired</Badge>}
        <br />
        <code className={table.quiet}>{row.displayKey}</code>
      </td>
      <td>
        <Badge>{row.scopes.includes('admin') ? 'Full access' : row.scopes.join(', ')}</Badge>
        {row.workflowIds && (
          <p className={table.quiet}>
            Workflows: {row.workflowIds.map((id) => names.get(id) ?? 'Deleted workflow').join(', ')}
          </p>
        )}
        {row.rateLimit !== null && <p className={table.quiet}>{count(row.rateLimit, 'call')} per minute</p>}
      </td>
      <td className={table.quiet}>
        {formatDate(row.createdAt)}
        <br />
        {row.expiresAt ? `${isExpired ? 'Expired' : 'Expires'} ${formatDate(row.expiresAt)}` : `by ${row.createdBy}`}
      </td>
      <td className={table.quiet}>{row.lastUsed ? formatAgo(row.lastUsed) : 'Never'}</td>
      <td className={table.end}>
        {!isReplaced && !isExpired && (
          <>
            <Button aria-label={`Edit ${row.name}`} onClick={() => setOpenDialog('edit')}>
              Edit
            </Button>{' '}
            <Button aria-label={`Rotate ${row.name}`} onClick={onRotate}>
              Rotate
            </Button>
          </>
        )}{' '}
        <Button aria-label={`Revoke ${called}`} onClick={() => setOpenDialog('revoke')}>
          Revoke
        </Button>
        {openDialog === 'edit' && <EditKeyDialog row={row} kind={kind} onClose={close} />}
        <Confirm
          title={`Revoke ${called}?`}
          question="Calls with this key will be rejected immediately. You cannot undo this."
          action="Revoke"
          busy={revoke.isPending}
          open={openDialog === 'revoke'}
          onClose={close}
          onConfirm={() =>
            revoke.mutate(row.id, {
              onSuccess: () => notify(`Revoked ${row.name}.`),
              onError: fail,
              onSettled: close,
            })
          }
        />
      </td>
    </tr>
  );
}
