import type { Replay } from '@/api/replays';
import { isRunning } from '@/api/replays';
import list from '@/ui/list.module.css';
import { VERDICT, VERDICTS } from './labels';
import styles from './replays.module.css';

/** Progress of a replay, and the number of runs with each verdict. */
export function ReplayProgress({ replay }: { replay: Replay }) {
  return (
    <div className={styles.progress}>
      {isRunning(replay) && (
        <>
          <progress aria-label="Replay progress" max={replay.total || 1} value={replay.done} />
          <p role="status">
            {replay.done} of {replay.total} runs replayed
          </p>
        </>
      )}
      <dl className={styles.counts} aria-label="Results">
        {VERDICTS.map((verdict) => (
          <div key={verdict}>
            <dt>{VERDICT[verdict][0]}</dt>
            <dd>{replay.counts[verdict].toLocaleString('en-US')}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

/** Why a replay does not pass. */
export function Refusals({ replay }: { replay: Replay }) {
  if (!replay.refusals.length) return null;
  return (
    <ul className={list.list} aria-label="Why it did not pass">
      {replay.refusals.map((refusal) => (
        <li key={refusal}>{refusal}</li>
      ))}
    </ul>
  );
}
