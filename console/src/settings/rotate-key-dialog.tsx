import { useState } from 'react';
import { type KeyKind, type KeyRow, useRotateKey } from '@/api/keys';
import { moment } from '@/app/format';
import { KeyShown } from '@/deploy/key-shown';
import { Field, Select } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';

const AT_ONCE = 0;
const A_DAY = 86_400;

const OVERLAPS = [
  [AT_ONCE, 'Stops working at once'],
  [3_600, 'Works for another hour'],
  [A_DAY, 'Works for another day'],
  [604_800, 'Works for another week'],
  [2_592_000, 'Works for another 30 days'],
] as const;

interface Props {
  row: KeyRow;
  kind: KeyKind;
  onClose: () => void;
}

/** Puts a new key in a key's place and shows it once. */
export function RotateKeyDialog({ row, kind, onClose }: Props) {
  const rotate = useRotateKey(kind);
  const [overlapSeconds, setOverlap] = useState<number>(A_DAY);
  if (rotate.data) return <KeyShown made={rotate.data} onClose={onClose} />;
  return (
    <FormDialog
      title={`Rotate ${row.name}`}
      description={`A new key takes its place, with the same name, rights and limit. ${lifeOf(row)}`}
      action="Rotate"
      busy={rotate.isPending}
      error={rotate.error}
      dirty={false}
      onSubmit={() => rotate.mutate({ id: row.id, overlapSeconds })}
      onClose={onClose}
    >
      <Field
        label="The old key"
        hint={
          overlapSeconds === AT_ONCE
            ? 'Calls with it are refused as soon as you rotate. Choose this if somebody else may have seen it.'
            : 'Until then both keys work, so that nothing fails while you put the new one in place.'
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

function lifeOf({ expiresAt }: KeyRow): string {
  return expiresAt ? `Both expire on ${moment(expiresAt)} at the latest.` : 'It never expires.';
}
