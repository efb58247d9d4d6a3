import { count } from '@/app/format';
import type { Activity } from './activity';
import styles from './activity-plot.module.css';

const WIDTH = 120;
const HEIGHT = 24;

/** Bar chart of the calls in the last 24 hours, with failed calls in red. */
export function ActivityPlot({ activity }: { activity: Activity }) {
  const step = WIDTH / activity.hours.length;
  const top = Math.max(1, ...activity.hours.map((hour) => hour.calls));
  const text = activity.calls
    ? `${count(activity.calls, 'call')}, ${count(activity.errors, 'error')} in the last 24 hours`
    : 'No calls in the last 24 hours';
  return (
    <div className={styles.activity}>
      <svg className={styles.plot} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={text}>
        {activity.hours.map((hour, index) => {
          const height = hour.calls ? Math.max(2, (hour.calls / top) * HEIGHT) : 1;
          const failed = hour.calls ? (hour.errors / hour.calls) * height : 0;
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: the index is the hour
            <g key={index}>
              <rect
                className={hour.calls ? styles.calls : styles.none}
                x={index * step}
                y={HEIGHT - height}
                width={step - 1.5}
                height={height - failed}
              />
              <rect className={styles.errors} x={index * step} y={HEIGHT - failed} width={step - 1.5} height={failed} />
            </g>
          );
        })}
      </svg>
      <span className={styles.text} aria-hidden>
        {activity.calls.toLocaleString('en-US')}
        {activity.errors > 0 && (
          <span className={styles.failed}> · {activity.errors.toLocaleString('en-US')} failed</span>
        )}
      </span>
    </div>
  );
}
