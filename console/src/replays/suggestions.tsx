import { Button } from '@/ui/button';
import list from '@/ui/list.module.css';
import styles from './replays.module.css';

interface SuggestionsProps {
  patterns: readonly string[];
  action: string;
  onUse: () => void;
}

/** Fields that change in every run, with a button that ignores them. */
export function Suggestions({ patterns, action, onUse }: SuggestionsProps) {
  return (
    <section className={styles.difference} aria-label="Suggested fields to ignore">
      <h3>Suggested fields to ignore</h3>
      <p className={styles.quiet}>These fields also differ between two replays of the recorded version.</p>
      <ul className={list.list}>
        {patterns.map((pattern) => (
          <li key={pattern}>
            <code>{pattern}</code>
          </li>
        ))}
      </ul>
      <div>
        <Button onClick={onUse}>{action}</Button>
      </div>
    </section>
  );
}
