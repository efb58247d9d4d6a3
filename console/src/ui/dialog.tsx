import { X } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import { type ReactNode, useRef, useState } from 'react';
import { Button, IconButton } from './button';
import { classNames } from './class-names';
import styles from './dialog.module.css';
import { ToastRoom } from './toasts';

interface DialogProps {
  title: string;
  description?: string;
  open: boolean;
  onClose: () => void;
  /** Whether a click beside it leaves it open. */
  isHeld?: boolean;
  size?: 's' | 'm' | 'l' | 'full';
  /** Between the title and the body, for tabs. */
  head?: ReactNode;
  footer?: ReactNode;
  children: ReactNode;
}

export function Dialog({ open, onClose, ...parts }: DialogProps) {
  return (
    <Radix.Root open={open} onOpenChange={(next) => next || onClose()}>
      <Radix.Portal>
        <Window {...parts} />
      </Radix.Portal>
    </Radix.Root>
  );
}

function Window({
  title,
  description,
  isHeld,
  size = 's',
  head,
  footer,
  children,
}: Omit<DialogProps, 'open' | 'onClose'>) {
  const content = useRef<HTMLDivElement>(null);
  const [opener] = useState(openerOf);
  return (
    <>
      <Radix.Overlay className={styles.scrim} />
      <Radix.Content
        ref={content}
        onOpenAutoFocus={(event) => {
          event.preventDefault();
          // In a dialog above another one, the one below has taken the focus back from a field with `autoFocus`.
          if (content.current?.contains(document.activeElement)) return;
          const field = content.current?.querySelector<HTMLElement>('form :is(input, textarea), [role=combobox]');
          (field ?? content.current)?.focus();
        }}
        onCloseAutoFocus={(event) => {
          event.preventDefault();
          opener?.focus();
        }}
        onEscapeKeyDown={(event) => {
          // Radix hears Escape before a field in the dialog could keep it to itself.
          if (event.target instanceof Element && event.target.closest('[data-keeps-escape]')) event.preventDefault();
        }}
        onInteractOutside={(event) => isHeld && event.preventDefault()}
        className={classNames(styles.dialog, styles[size])}
        {...(description ? {} : { 'aria-describedby': undefined })}
      >
        <header className={styles.header}>
          <Radix.Title className={styles.title}>{title}</Radix.Title>
          <Radix.Close asChild>
            <IconButton label="Close" className={styles.close}>
              <X size={18} aria-hidden />
            </IconButton>
          </Radix.Close>
        </header>
        {head}
        <div className={styles.body}>
          {description && <Radix.Description className={styles.description}>{description}</Radix.Description>}
          {children}
        </div>
        <ToastRoom />
        {footer && <footer className={styles.footer}>{footer}</footer>}
      </Radix.Content>
    </>
  );
}

/** What has the focus as a dialog opens, and gets it back; of a menu, which is gone by then, the button that opened it. */
function openerOf(): HTMLElement | null {
  const focused = document.activeElement;
  const button = focused?.closest('[role=menu]')?.getAttribute('aria-labelledby');
  return button ? document.getElementById(button) : (focused as HTMLElement | null);
}

interface ConfirmProps {
  title: string;
  question: ReactNode;
  action: string;
  look?: 'primary' | 'danger';
  busy?: boolean;
  open: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something is replaced or taken away. */
export function Confirm({ title, question, action, look = 'danger', busy, open, onConfirm, onClose }: ConfirmProps) {
  return (
    <Dialog
      title={title}
      open={open}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look={look} busy={busy} onClick={onConfirm}>
            {action}
          </Button>
        </>
      }
    >
      <div className={styles.question}>{question}</div>
    </Dialog>
  );
}
