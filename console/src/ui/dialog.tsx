import { X } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import { type ReactNode, useRef, useState } from 'react';
import { HelpLink } from '@/help/help-link';
import type { TopicName } from '@/help/topics';
import { Button, IconButton } from './button';
import { classNames } from './class-names';
import styles from './dialog.module.css';
import { ToastOutlet } from './toasts';

interface DialogProps {
  title: string;
  description?: string;
  open: boolean;
  onClose: () => void;
  /** Called when the dialog has closed and the focus is back. */
  onClosed?: () => void;
  /** Whether clicks outside leave it open. */
  keepsOpenOutside?: boolean;
  size?: 's' | 'm' | 'wide' | 'l' | 'full';
  /** Topic of the documentation about the dialog. */
  help?: TopicName;
  /** Content between title and body, for tabs. */
  head?: ReactNode;
  footer?: ReactNode;
  children: ReactNode;
}

export function Dialog({ open, onClose, ...parts }: DialogProps) {
  return (
    <Radix.Root open={open} onOpenChange={(next) => next || onClose()}>
      <Radix.Portal>
        <DialogWindow {...parts} />
      </Radix.Portal>
    </Radix.Root>
  );
}

function DialogWindow({
  title,
  description,
  onClosed,
  keepsOpenOutside,
  size = 's',
  help,
  head,
  footer,
  children,
}: Omit<DialogProps, 'open' | 'onClose'>) {
  const content = useRef<HTMLDivElement>(null);
  const [opener] = useState(findOpener);
  return (
    <>
      <Radix.Overlay className={styles.scrim} />
      <Radix.Content
        ref={content}
        onOpenAutoFocus={(event) => {
          event.preventDefault();
          // In a nested dialog, the outer dialog's focus trap has already taken the focus from a field with `autoFocus`.
          if (content.current?.contains(document.activeElement)) return;
          const field = content.current?.querySelector<HTMLElement>('form :is(input, textarea), [role=combobox]');
          (field ?? content.current)?.focus();
        }}
        onCloseAutoFocus={(event) => {
          event.preventDefault();
          opener?.focus();
          onClosed?.();
        }}
        onEscapeKeyDown={(event) => {
          // Radix handles Escape before a field in the dialog can stop its propagation.
          if (event.target instanceof Element && event.target.closest('[data-keeps-escape]')) event.preventDefault();
        }}
        onInteractOutside={(event) => keepsOpenOutside && event.preventDefault()}
        className={classNames(styles.dialog, styles[size])}
        {...(description ? {} : { 'aria-describedby': undefined })}
      >
        <header className={styles.header}>
          <Radix.Title className={styles.title}>{title}</Radix.Title>
          <div className={styles.corner}>
            {help && <HelpLink topic={help} />}
            <Radix.Close asChild>
              <IconButton label="Close">
                <X size={18} aria-hidden />
              </IconButton>
            </Radix.Close>
          </div>
        </header>
        {head}
        <div className={styles.body}>
          {description && <Radix.Description className={styles.description}>{description}</Radix.Description>}
          {children}
        </div>
        <ToastOutlet />
        {footer && <footer className={styles.footer}>{footer}</footer>}
      </Radix.Content>
    </>
  );
}

/** Return the element that gets the focus back when the dialog closes. A menu is closed by then: its button gets it. */
function findOpener(): HTMLElement | null {
  const focused = document.activeElement;
  const button = focused?.closest('[role=menu]')?.getAttribute('aria-labelledby');
  return button ? document.getElementById(button) : (focused as HTMLElement | null);
}

interface ConfirmProps {
  title: string;
  question: ReactNode;
  action: string;
  variant?: 'primary' | 'danger';
  busy?: boolean;
  open: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

/** Confirmation dialog for destructive actions. */
export function Confirm({ title, question, action, variant = 'danger', busy, open, onConfirm, onClose }: ConfirmProps) {
  return (
    <Dialog
      title={title}
      open={open}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant={variant} busy={busy} onClick={onConfirm}>
            {action}
          </Button>
        </>
      }
    >
      <div className={styles.question}>{question}</div>
    </Dialog>
  );
}
