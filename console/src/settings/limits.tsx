import { useSignedIn } from '@/api/session';
import { useUsage } from '@/api/usage';
import { cost } from '@/app/format';
import { LoadError, Skeleton } from '@/ui/states';
import styles from './limits.module.css';
import { Section } from './section';

interface Bucket {
  requestsPerMinute: number;
  maxBurst: number;
  remaining: number;
}

/** Rates from here on are the gateway's way to say that there is no limit. */
const UNLIMITED = 1_000_000_000;

function rate(bucket: Bucket) {
  if (bucket.requestsPerMinute >= UNLIMITED) return 'Unlimited';
  return `${bucket.requestsPerMinute.toLocaleString('en-US')} per minute`;
}

export function LimitsSection() {
  const { workspace } = useSignedIn();
  const usage = useUsage();
  if (usage.isPending) return <Skeleton rows={3} />;
  if (usage.isLoadingError) return <LoadError error={usage.error} onRetry={usage.refetch} />;
  const { rateLimit, usage: spent } = usage.data;
  return (
    <>
      <Section title="Plan" about={`This workspace is on the ${workspace.plan} plan.`}>
        <dl className={styles.facts}>
          <div>
            <dt>Model cost this month</dt>
            <dd>{cost(spent.currentPeriodCost)}</dd>
          </div>
          <div>
            <dt>Sync and streaming calls</dt>
            <dd>{rate(rateLimit.sync)}</dd>
          </div>
          <div>
            <dt>Async calls</dt>
            <dd>{rate(rateLimit.async)}</dd>
          </div>
        </dl>
      </Section>
      <Section
        title="Available now"
        about="Calls you can make at once (the burst). Each call uses one, and the rate above refills them up to the maximum. Calls beyond that get status 429."
      >
        <Meter label="Sync and streaming calls" bucket={rateLimit.sync} />
        <Meter label="Async calls" bucket={rateLimit.async} />
      </Section>
    </>
  );
}

function Meter({ label, bucket }: { label: string; bucket: Bucket }) {
  const { remaining, maxBurst } = bucket;
  if (bucket.requestsPerMinute >= UNLIMITED) {
    return (
      <div className={styles.meter}>
        <span>{label}</span>
        <span className={styles.number}>Unlimited</span>
      </div>
    );
  }
  return (
    <div className={styles.meter}>
      <span>{label}</span>
      <meter min={0} max={maxBurst} low={maxBurst * 0.1} value={remaining} aria-label={label} />
      <span className={styles.number}>
        {remaining.toLocaleString('en-US')} of {maxBurst.toLocaleString('en-US')}
      </span>
    </div>
  );
}
