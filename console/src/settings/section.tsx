import type { ReactNode } from 'react';
import styles from './section.module.css';

interface SectionProps {
  title: string;
  about?: ReactNode;
  action?: ReactNode;
  children: ReactNode;
}

export function Section({ title, about, action, children }: SectionProps) {
  return (
    <section className={styles.section} aria-label={title}>
      <header className={styles.head}>
        <div>
          <h2>{title}</h2>
          {about && <p className={styles.about}>{about}</p>}
        </div>
        {action}
      </header>
      {children}
    </section>
  );
}
