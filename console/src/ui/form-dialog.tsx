import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { Button } from './button';
import { Confirm, Dialog } from './dialog';
import styles from './form.module.css';
import { Problem } from './states';

interface Props {
  title: string;
  description?: string;
  /** What the main button does, in a word. */
  action: string;
  busy: boolean;
  disabled?: boolean;
  error: unknown;
  /** Whether something would be lost by closing: then it is asked first. */
  dirty?: boolean;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** A form in a dialog: sent by Enter or its main button, with what went wrong below it. */
export function FormDialog({ title, description, action, busy, disabled, error, dirty, ...rest }: Props) {
  const { onSubmit, onClose, children } = rest;
  const form = useId();
  const [asked, setAsked] = useState(false);
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
      <form id={form} className={styles.form} onSubmit={submit}>
        {children}
        <Problem error={error} />
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
