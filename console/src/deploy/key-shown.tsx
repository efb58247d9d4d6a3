import type { NewKey } from '@/api/keys';
import { ShownOnce } from '@/ui/shown-once';

/** A key in clear. */
export function KeyShown({ made, onClose }: { made: NewKey; onClose: () => void }) {
  return (
    <ShownOnce
      title="Your API key"
      description="Copy it now: it is not shown again."
      text={made.key}
      copy="Copy key"
      onClose={onClose}
    />
  );
}
