import { Play, Square } from 'lucide-react';
import type { KeyboardEvent, MouseEvent } from 'react';
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
  const Icon = isRunning ? Square : Play;
  const stop = (event: MouseEvent) => {
    // It may be the one that submits again before the browser does what a click does.
    event.preventDefault();
    onStop();
  };
  // One button that stays, and the keyboard with it.
  return (
    <Button
      type={isRunning ? 'button' : 'submit'}
      look={isRunning ? undefined : look}
      icon={<Icon size={14} fill="currentcolor" aria-hidden />}
      onClick={isRunning ? stop : undefined}
      onKeyDown={pressedOnce}
    >
      {isRunning ? 'Stop' : start}
    </Button>
  );
}

/** A key that is held down would stop what it has begun. */
function pressedOnce(event: KeyboardEvent) {
  if (event.key === 'Enter' && event.repeat) event.preventDefault();
}
