import { CircleAlert, TriangleAlert } from 'lucide-react';
import { useProblems } from '@/api/deployments';
import styles from './problem-list.module.css';

/** Errors that prevent deploying the draft, and warnings. */
export function ProblemList({ workflowId }: { workflowId: string }) {
  const { data } = useProblems(workflowId);
  if (!data || (!data.errors.length && !data.warnings.length)) return null;
  return (
    <section className={styles.problems} aria-label="Draft problems">
      <h3>Draft problems</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable by keyboard */}
      <ul className={styles.list} tabIndex={0}>
        {data.errors.map((problem) => (
          <li key={`${problem.code} ${problem.message}`} className={styles.error}>
            <CircleAlert size={15} aria-hidden />
            <span>
              <span className="visually-hidden">Error: </span>
              {problem.message}
            </span>
          </li>
        ))}
        {data.warnings.map((problem) => (
          <li key={`${problem.code} ${problem.message}`} className={styles.warning}>
            <TriangleAlert size={15} aria-hidden />
            <span>
              <span className="visually-hidden">Warning: </span>
              {problem.message}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
