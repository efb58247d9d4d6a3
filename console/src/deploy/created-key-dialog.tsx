import type { NewKey } from '@/api/keys';
import { ShowOnceDialog } from '@/ui/show-once-dialog';

/** Dialog that shows a new key in plain text, once. */
export function CreatedKeyDialog({ created, onClose }: { created: NewKey; onClose: () => void }) {
  return (
    <ShowOnceDialog
      title="Your API key"
      description="Copy this key now. You will not be able to see it again."
      text={created.key}
      copy="Copy key"
      onClose={onClose}
    />
  );
}
