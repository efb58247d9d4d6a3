import { Badge } from '@/ui/states';
import { type RunStatus, STATUS_LABELS, STATUS_TONES } from './labels';

export function StatusBadge({ status }: { status: RunStatus }) {
  return (
    <Badge tone={STATUS_TONES[status]} dot>
      {STATUS_LABELS[status]}
    </Badge>
  );
}
