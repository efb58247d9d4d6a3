import { JsonView } from '@/ui/json-view';
import type { Json } from '@/workflow/state';

/** Input of a block. Code is shown separately: within JSON it would be a single long line. */
export function BlockInput({ value }: { value: Json }) {
  const { code, rest } = codeApart(value);
  return (
    <>
      {code !== null && <JsonView label="Code" value={code} />}
      {rest !== null && <JsonView label="Input" value={rest} />}
    </>
  );
}

function codeApart(value: Json): { code: string | null; rest: Json } {
  if (!value || typeof value !== 'object' || Array.isArray(value)) return { code: null, rest: value };
  const { code, ...rest } = value;
  return typeof code === 'string' ? { code, rest } : { code: null, rest: value };
}
