import type { ReplayResult } from '@/api/replays';
import { Empty } from '@/ui/states';
import { firstBlock, reasonOf } from './labels';
import styles from './replays.module.css';

type Change = NonNullable<ReplayResult['output']>[number];

/** First block that differs in a run, and the final output, with recorded and replayed values side by side. */
export function RunDifferences({ result }: { result: ReplayResult }) {
  const block = firstBlock(result);
  const output = result.output ?? [];
  const values = block?.differences ?? [];
  return (
    <div className={styles.stack}>
      <section className={styles.difference} aria-label="First difference">
        <h3>{block ? block.blockName || block.blockId : 'Run'}</h3>
        <p className={styles.quiet}>{reasonOf(result)}</p>
        {block && block.path !== block.blockId && (
          <p className={styles.quiet}>
            Iteration <code>{block.path}</code>
          </p>
        )}
        <Changes changes={values} of={result.unrecordedCall && !result.firstDifference ? 'inputs' : 'output'} />
      </section>
      {output.length > 0 && (
        <section className={styles.difference} aria-label="Final output">
          <h3>Final output</h3>
          <Changes changes={output} of="output" />
        </section>
      )}
      {!block && !output.length && !result.error && <Empty title="No differences" />}
    </div>
  );
}

function Changes({ changes, of }: { changes: readonly Change[]; of: string }) {
  return changes.map((change) => (
    <div key={change.path} className={styles.difference}>
      <code>{change.path ? `${of}.${change.path}` : of}</code>
      <dl className={styles.sides}>
        <Side name="Recorded" className={styles.recorded} change={change} field="before" />
        <Side name="Replayed" className={styles.replayed} change={change} field="after" />
      </dl>
    </div>
  ));
}

interface SideProps {
  name: string;
  className: string | undefined;
  change: Change;
  field: 'before' | 'after';
}

/** One value of a difference. Long values scroll. */
function Side({ name, className, change, field }: SideProps) {
  return (
    <div>
      <dt>{name}</dt>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable by keyboard */}
      <dd className={className} tabIndex={0}>
        {field in change ? inText(change[field]) : 'Not set'}
      </dd>
    </div>
  );
}

function inText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}
