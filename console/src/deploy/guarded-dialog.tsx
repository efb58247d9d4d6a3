import { type ReactNode, useState } from 'react';
import { Confirm, Dialog } from '@/ui/dialog';

interface Props {
  title: string;
  /** Whether something would be lost by closing. */
  dirty: boolean;
  onClose: () => void;
  footer: (close: () => void) => ReactNode;
  children: ReactNode;
}

/** A dialog that asks before it closes over what is not saved. */
export function GuardedDialog({ title, dirty, onClose, footer, children }: Props) {
  const [asked, setAsked] = useState(false);
  const close = () => (dirty ? setAsked(true) : onClose());
  return (
    <Dialog title={title} open onClose={close} footer={footer(close)}>
      {children}
      <Confirm
        title="Unsaved Changes"
        question="What you wrote is not saved."
        action="Discard changes"
        open={asked}
        onClose={() => setAsked(false)}
        onConfirm={onClose}
      />
    </Dialog>
  );
}
