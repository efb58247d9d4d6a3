import { isSecret, type Setting } from '@/workflow/catalog';
import type { Json } from '@/workflow/state';
import { LineChanges } from './line-changes';
import styles from './setting-values.module.css';

interface Props {
  label: string;
  before: unknown;
  after: unknown;
  setting: Setting | undefined;
  /** Names of the two values. */
  names?: readonly [string, string];
}

const NOTHING = '–';
const HIDDEN = '••••••••';

/** Two values of a setting; of long texts the changed lines. */
export function SettingValues({ label, before, after, setting, names = ['Before', 'After'] }: Props) {
  const isHidden = isSecret(setting, before as Json) || isSecret(setting, after as Json);
  if (!isHidden && isLong(before, after)) {
    return <LineChanges label={label} before={inText(before)} after={inText(after)} />;
  }
  return (
    <dl className={styles.values}>
      <dt className="visually-hidden">{names[0]}</dt>
      <Value className={styles.before} value={before} setting={setting} />
      <dt className="visually-hidden">{names[1]}</dt>
      <Value className={styles.after} value={after} setting={setting} />
    </dl>
  );
}

/** Return whether a setting has a value on both sides, one of them with several lines. */
function isLong(before: unknown, after: unknown): boolean {
  const texts = [before, after].map(inText);
  return texts.some((text) => text.includes('\n')) && !texts.includes(NOTHING);
}

interface ValueProps {
  className: string | undefined;
  value: unknown;
  setting: Setting | undefined;
}

/** One value. Long values scroll. */
function Value({ className, value, setting }: ValueProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable by keyboard
    <dd className={className} tabIndex={0}>
      {isSecret(setting, value as Json) ? HIDDEN : inText(value)}
    </dd>
  );
}

function inText(value: unknown): string {
  if (value === null || value === undefined || value === '') return NOTHING;
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}
