import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { isStatus } from '@/api/errors';
import { useSession } from '@/api/session';
import { Button } from './button';
import { Confirm, Dialog } from './dialog';
import styles from './form.module.css';
import { SignInElsewhere } from './sign-in-elsewhere';
import { Problem } from './states';
import { useUnsaved } from './use-unsaved';

interface Props {
  title: string;
  description?: string;
  /** What the main button does, in a word. */
  action: string;
  busy: boolean;
  disabled?: boolean;
  error: unknown;
  /** Whether something would be lost by closing, and it is asked first. Where nothing is said: as soon as it is written into. */
  dirty?: boolean;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** A form in a dialog: sent by Enter or its main button, with what went wrong below it. */
export function FormDialog({ title, description, action, busy, disabled, error, ...rest }: Props) {
  const { onSubmit, onClose, children } = rest;
  const form = useId();
  const [asked, setAsked] = useState(false);
  const [isTouched, setTouched] = useState(false);
  const { dirty = isTouched } = rest;
  const isSignedOut = isStatus(useSession().error, 401);
  useUnsaved(dirty);
  const close = () => (dirty ? setAsked(true) : onClose());
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <Dialog
      title={title}
      description={description}
      open
      onClose={close}
      footer={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button look="primary" type="submit" form={form} disabled={disabled} busy={busy}>
            {action}
          </Button>
        </>
      }
    >
      <form id={form} className={styles.form} onChange={() => setTouched(true)} onSubmit={submit}>
        {children}
        {isSignedOut ? (
          <p role="alert">
            <SignInElsewhere />
          </p>
        ) : (
          <Problem error={error} />
        )}
      </form>
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
