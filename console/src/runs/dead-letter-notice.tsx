import { Link } from 'wouter';
import { useDeadLetters } from '@/api/dead-letters';
import { count } from '@/app/format';
import styles from './dead-letter-notice.module.css';

/** Notice for admins that there are dead letters. */
export function DeadLetterNotice() {
  const letters = useDeadLetters();
  const found = letters.data?.pages.flatMap((page) => page.data) ?? [];
  if (!found.length) return null;
  return (
    <p className={styles.notice} role="status">
      {letters.hasNextPage && 'More than '}
      {count(found.length, 'message')} could not be processed.{' '}
      <Link href="/settings/dead-letters">View dead letters</Link>
    </p>
  );
}
