import { Badge } from '@/ui/states';
import { type RunStatus, TONES, WORDS } from './words';

/** How a run stands. */
export function StatusBadge({ status }: { status: RunStatus }) {
  return (
    <Badge tone={TONES[status]} dot>
      {WORDS[status]}
    </Badge>
  );
}
