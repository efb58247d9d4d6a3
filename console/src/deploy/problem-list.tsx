import { CircleAlert, TriangleAlert } from 'lucide-react';
import { useProblems } from '@/api/deployments';
import { Button } from '@/ui/button';
import { warningKey } from '@/workflow/accepted-warnings';
import styles from './problem-list.module.css';

export interface Acceptance {
  /** Keys of the accepted warnings. */
  accepted: readonly string[];
  onAccept: (accepted: readonly string[]) => void;
}

interface Props extends Acceptance {
  workflowId: string;
  canDeploy: boolean;
  /** Called with the id of the block to edit. */
  onEditBlock: (id: string) => void;
}

/** Errors that prevent deploying the draft, and warnings, which prevent it until they are accepted. */
export function ProblemList({ workflowId, accepted, onAccept, canDeploy, onEditBlock }: Props) {
  const { data } = useProblems(workflowId);
  if (!data || (!data.errors.length && !data.warnings.length)) return null;
  const toggle = (key: string, on: boolean) =>
    onAccept(on ? [...accepted, key] : accepted.filter((each) => each !== key));
  const editButton = ({ blockId, blockName }: (typeof data.errors)[number]) =>
    blockId && (
      <Button className={styles.edit} aria-label={`Edit ${blockName ?? 'block'}`} onClick={() => onEditBlock(blockId)}>
        Edit block
      </Button>
    );
  return (
    <section className={styles.problems} aria-label="Draft problems">
      <h3>Draft problems</h3>
      <ul className={styles.list}>
        {data.errors.map((problem) => (
          <li key={warningKey(problem)} className={styles.error}>
            <CircleAlert size={15} aria-hidden />
            <span className={styles.text}>
              <span className="visually-hidden">Error: </span>
              {problem.message}
            </span>
            {editButton(problem)}
          </li>
        ))}
        {data.warnings.map((problem) => (
          <li key={warningKey(problem)} className={styles.warning}>
            <TriangleAlert size={15} aria-hidden />
            <span className={styles.text}>
              <span className="visually-hidden">Warning: </span>
              {problem.message}
            </span>
            {canDeploy && (
              <label className={styles.accept}>
                <input
                  type="checkbox"
                  checked={accepted.includes(warningKey(problem))}
                  onChange={(event) => toggle(warningKey(problem), event.target.checked)}
                />
                Accept<span className="visually-hidden">: {problem.message}</span>
              </label>
            )}
            {editButton(problem)}
          </li>
        ))}
      </ul>
    </section>
  );
}
