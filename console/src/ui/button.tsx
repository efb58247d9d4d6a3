import { LoaderCircle } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';
import { Link } from 'wouter';
import styles from './button.module.css';
import { classNames } from './class-names';
import { Tip } from './tip';

type Variant = 'primary' | 'secondary' | 'ghost' | 'danger' | 'amber';

interface ButtonProps extends ComponentProps<'button'> {
  variant?: Variant;
  busy?: boolean;
  icon?: ReactNode;
}

export function Button({ variant = 'secondary', busy = false, icon, className, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      aria-busy={busy || undefined}
      {...rest}
      className={classNames(styles.button, styles[variant], className)}
      disabled={rest.disabled || busy}
    >
      {busy ? <Spinner /> : icon}
      {children}
    </button>
  );
}

export function Spinner() {
  return <LoaderCircle className={styles.spinner} size={15} aria-hidden />;
}

/** Link that looks like a button. */
export function ButtonLink({ href, icon, children }: { href: string; icon?: ReactNode; children: ReactNode }) {
  return (
    <Link href={href} className={classNames(styles.button, styles.secondary)}>
      {icon}
      {children}
    </Link>
  );
}

/** Link that looks like a button and downloads a file. */
export function DownloadLink({ href, name, children }: { href: string; name: string; children: ReactNode }) {
  return (
    <a href={href} download={name} className={classNames(styles.button, styles.secondary)}>
      {children}
    </a>
  );
}

interface IconButtonProps extends ComponentProps<'button'> {
  label: string;
  variant?: Variant;
}

/** Button with an icon only. The label is its tooltip and accessible name. */
export function IconButton({ label, variant = 'ghost', className, ...rest }: IconButtonProps) {
  return (
    <Tip text={label}>
      <button
        type="button"
        aria-label={label}
        {...rest}
        className={classNames(styles.button, styles.icon, styles[variant], className)}
      />
    </Tip>
  );
}

/** Link with an icon only, which opens in a new tab. The label is its tooltip and accessible name. */
export function IconLink({ label, href, children }: { label: string; href: string; children: ReactNode }) {
  return (
    <Tip text={label}>
      <a
        href={href}
        target="_blank"
        rel="noopener"
        aria-label={label}
        className={classNames(styles.button, styles.icon, styles.ghost)}
      >
        {children}
      </a>
    </Tip>
  );
}
