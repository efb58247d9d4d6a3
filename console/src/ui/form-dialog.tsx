import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { isStatus } from '@/api/errors';
import { useSession } from '@/api/session';
import type { TopicName } from '@/help/topics';
import { Button } from './button';
import { Confirm, Dialog } from './dialog';
import styles from './form.module.css';
import { SignedOutMessage } from './signed-out-message';
import { InlineError } from './states';
import { useUnsavedForm } from './use-unsaved-form';

interface Props {
  title: string;
  description?: string;
  /** Topic of the documentation about the form. */
  help?: TopicName;
  /** Label of the submit button. */
  action: string;
  busy: boolean;
  disabled?: boolean;
  error: unknown;
  /** Whether closing needs a confirmation. Default: once the user has changed a field. */
  dirty?: boolean;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** Form in a dialog. Enter or the main button submits it; errors are shown below the fields. */
export function FormDialog({ title, description, help, action, busy, disabled, error, ...rest }: Props) {
  const { onSubmit, onClose, children } = rest;
  const form = useId();
  const [isConfirming, setConfirming] = useState(false);
  const [isTouched, setTouched] = useState(false);
  const { dirty = isTouched } = rest;
  const isSignedOut = isStatus(useSession().error, 401);
  useUnsavedForm(dirty);
  const close = () => (dirty ? setConfirming(true) : onClose());
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <Dialog
      title={title}
      description={description}
      help={help}
      open
      onClose={close}
      footer={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button variant="primary" type="submit" form={form} disabled={disabled} busy={busy}>
            {action}
          </Button>
        </>
      }
    >
      <form id={form} className={styles.form} onChange={() => setTouched(true)} onSubmit={submit}>
        {children}
        {isSignedOut ? (
          <p role="alert">
            <SignedOutMessage />
          </p>
        ) : (
          <InlineError error={error} />
        )}
      </form>
      <Confirm
        title="Unsaved Changes"
        question="Your changes will be lost."
        action="Discard changes"
        open={isConfirming}
        onClose={() => setConfirming(false)}
        onConfirm={onClose}
      />
    </Dialog>
  );
}
