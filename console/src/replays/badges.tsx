import type { Replay, Verdict } from '@/api/replays';
import { Badge } from '@/ui/states';
import { REPLAY_STATUS, VERDICT } from './labels';

export function ReplayBadge({ status }: Pick<Replay, 'status'>) {
  const [label, tone] = REPLAY_STATUS[status];
  return (
    <Badge tone={tone} dot>
      {label}
    </Badge>
  );
}

export function VerdictBadge({ verdict }: { verdict: Verdict | null }) {
  const [label, tone] = verdict ? VERDICT[verdict] : (['Running', 'blue'] as const);
  return <Badge tone={tone}>{label}</Badge>;
}
