import { Play, Square } from 'lucide-react';
import type { KeyboardEvent, MouseEvent } from 'react';
import { Button } from '@/ui/button';

interface Props {
  isRunning: boolean;
  /** Label of the submit button. */
  start: string;
  variant?: 'primary';
  onStop: () => void;
}

/** Submit button that turns into a stop button during the run. */
export function RunButton({ isRunning, start, variant, onStop }: Props) {
  const Icon = isRunning ? Square : Play;
  const stop = (event: MouseEvent) => {
    // The button may become a submit button again before the browser's default action runs.
    event.preventDefault();
    onStop();
  };
  // A single element, so that it keeps the focus.
  return (
    <Button
      type={isRunning ? 'button' : 'submit'}
      variant={isRunning ? undefined : variant}
      icon={<Icon size={14} fill="currentcolor" aria-hidden />}
      onClick={isRunning ? stop : undefined}
      onKeyDown={pressedOnce}
    >
      {isRunning ? 'Stop' : start}
    </Button>
  );
}

/** Ignore key repeats: holding Enter would stop the run it has just started. */
function pressedOnce(event: KeyboardEvent) {
  if (event.key === 'Enter' && event.repeat) event.preventDefault();
}
