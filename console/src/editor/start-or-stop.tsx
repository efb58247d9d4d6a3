import { Play, Square } from 'lucide-react';
import { Button } from '@/ui/button';

interface Props {
  isRunning: boolean;
  /** What the button that submits the form is called. */
  start: string;
  look?: 'primary';
  onStop: () => void;
}

/** Submits the form around it, and then ends what that began. */
export function StartOrStop({ isRunning, start, look, onStop }: Props) {
  // With keys of their own: one button that turned into the other while it is clicked would do both.
  return isRunning ? (
    <Button key="stop" icon={<Square size={14} fill="currentcolor" aria-hidden />} onClick={onStop}>
      Stop
    </Button>
  ) : (
    <Button key="start" look={look} type="submit" icon={<Play size={14} fill="currentcolor" aria-hidden />}>
      {start}
    </Button>
  );
}
