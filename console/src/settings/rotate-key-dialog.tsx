import { useState } from 'react';
import { type KeyKind, type KeyRow, useRotateKey } from '@/api/keys';
import { formatDate } from '@/app/format';
import { CreatedKeyDialog } from '@/deploy/created-key-dialog';
import { Field, Select } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';

const IMMEDIATELY = 0;
const ONE_DAY = 86_400;

const OVERLAPS = [
  [IMMEDIATELY, 'Expires immediately'],
  [3_600, 'Expires in 1 hour'],
  [ONE_DAY, 'Expires in 1 day'],
  [604_800, 'Expires in 7 days'],
  [2_592_000, 'Expires in 30 days'],
] as const;

interface Props {
  row: KeyRow;
  kind: KeyKind;
  onClose: () => void;
}

/** Dialog that rotates a key and shows the new one once. */
export function RotateKeyDialog({ row, kind, onClose }: Props) {
  const rotate = useRotateKey(kind);
  const [overlapSeconds, setOverlap] = useState<number>(ONE_DAY);
  if (rotate.data) return <CreatedKeyDialog created={rotate.data} onClose={onClose} />;
  return (
    <FormDialog
      title={`Rotate ${row.name}`}
      help="keys"
      description={`Creates a key with the same name, permissions and rate limit. ${expirationOf(row)}`}
      action="Rotate"
      busy={rotate.isPending}
      error={rotate.error}
      dirty={false}
      onSubmit={() => rotate.mutate({ id: row.id, overlapSeconds })}
      onClose={onClose}
    >
      <Field
        label="Old key"
        hint={
          overlapSeconds === IMMEDIATELY
            ? 'Calls with the old key are rejected immediately. Choose this if the key may have leaked.'
            : 'Both keys work until then, so you can switch without downtime.'
        }
      >
        {(control) => (
          <Select {...control} value={overlapSeconds} onChange={(event) => setOverlap(Number(event.target.value))}>
            {OVERLAPS.map(([seconds, text]) => (
              <option key={seconds} value={seconds}>
                {text}
              </option>
            ))}
          </Select>
        )}
      </Field>
    </FormDialog>
  );
}

function expirationOf({ expiresAt }: KeyRow): string {
  return expiresAt ? `The new key expires on ${formatDate(expiresAt)}.` : 'The new key does not expire.';
}
