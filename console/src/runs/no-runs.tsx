import { Activity, X } from 'lucide-react';
import { useExcludingChips } from '@/api/runs';
import { Button } from '@/ui/button';
import { Empty } from '@/ui/states';
import { removal, useChips } from './filter-bar';
import type { RunFilters } from './filters';
import styles from './no-runs.module.css';

interface Props {
  filters: RunFilters;
  /** Whether the search of the server is not complete. */
  hasMore: boolean;
  onChange: (changes: RunFilters) => void;
}

/** Empty list of runs. Names each filter without which there would be runs. */
export function NoRuns({ filters, hasMore, onChange }: Props) {
  const chips = useChips(filters);
  const icon = <Activity size={22} aria-hidden />;
  if (hasMore) {
    return (
      <Empty icon={icon} title="No matching runs so far">
        Show older runs to continue the search.
      </Empty>
    );
  }
  if (!chips.length) {
    return (
      <Empty icon={icon} title="No runs yet">
        Call a deployed workflow to see its runs here.
      </Empty>
    );
  }
  return (
    <Empty icon={icon} title="No matching runs">
      <Exclusions filters={filters} onChange={onChange} />
    </Empty>
  );
}

function Exclusions({ filters, onChange }: Omit<Props, 'hasMore'>) {
  const chips = useChips(filters);
  const excluding = useExcludingChips(filters, chips);
  if (!excluding) return '\u00a0';
  return (
    <div className={styles.reasons}>
      <p>
        {excluding.length
          ? 'Remove a filter to see the runs that match the others.'
          : 'No single filter excludes all runs.'}
      </p>
      <div className={styles.buttons}>
        {excluding.map((chip) => (
          <Button key={chip.label} icon={<X size={14} aria-hidden />} onClick={() => onChange(removal(chip))}>
            {chip.label}
          </Button>
        ))}
        {excluding.length !== chips.length && (
          <Button onClick={() => onChange(removal(...chips))}>Clear filters</Button>
        )}
      </div>
    </div>
  );
}
