import { useState } from 'react';
import { type KeyKind, type KeyRow, useRevokeKey } from '@/api/keys';
import { ago, count, moment } from '@/app/format';
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

/** One key: what it may, how long, and what can be done with it. */
export function KeyTableRow({ row, kind, names, isReplaced, onRotate }: Props) {
  const { say, fail } = useToasts();
  const revoke = useRevokeKey(kind);
  const [asked, setAsked] = useState<'edit' | 'revoke' | null>(null);
  const close = () => setAsked(null);
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
        <Badge>{row.scopes.includes('admin') ? 'everything' : row.scopes.join(', ')}</Badge>
        {row.workflowIds && (
          <p className={table.quiet}>
            only {row.workflowIds.map((id) => names.get(id) ?? 'a workflow that is not here').join(', ')}
          </p>
        )}
        {row.rateLimit !== null && <p className={table.quiet}>{count(row.rateLimit, 'call')} a minute</p>}
      </td>
      <td className={table.quiet}>
        {moment(row.createdAt)}
        <br />
        {row.expiresAt ? `${isExpired ? 'expired' : 'until'} ${moment(row.expiresAt)}` : `by ${row.createdBy}`}
      </td>
      <td className={table.quiet}>{row.lastUsed ? ago(row.lastUsed) : 'Never'}</td>
      <td className={table.end}>
        {!isReplaced && !isExpired && (
          <>
            <Button aria-label={`Edit ${row.name}`} onClick={() => setAsked('edit')}>
              Edit
            </Button>{' '}
            <Button aria-label={`Rotate ${row.name}`} onClick={onRotate}>
              Rotate
            </Button>
          </>
        )}{' '}
        <Button aria-label={`Revoke ${called}`} onClick={() => setAsked('revoke')}>
          Revoke
        </Button>
        {asked === 'edit' && <EditKeyDialog row={row} kind={kind} onClose={close} />}
        <Confirm
          title={`Revoke ${called}?`}
          question="Calls with this key are refused at once, everywhere. It cannot be brought back."
          action="Revoke"
          busy={revoke.isPending}
          open={asked === 'revoke'}
          onClose={close}
          onConfirm={() =>
            revoke.mutate(row.id, {
              onSuccess: () => say(`${row.name} is revoked.`),
              onError: fail,
              onSettled: close,
            })
          }
        />
      </td>
    </tr>
  );
}
