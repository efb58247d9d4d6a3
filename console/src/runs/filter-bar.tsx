import { Search } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useVersions } from '@/api/deployments';
import { useWorkflows } from '@/api/workflows';
import { Button } from '@/ui/button';
import { Chip } from '@/ui/chip';
import { Select, TextInput } from '@/ui/field';
import styles from './filter-bar.module.css';
import { FilterMenu } from './filter-menu';
import { type Chip as ChipFacts, chipsOf, PERIODS, type RunFilters } from './filters';
import { type LiveState, LiveToggle } from './live';

interface Props {
  filters: RunFilters;
  onChange: (changes: RunFilters) => void;
  live: LiveState;
  onLive: (isOn: boolean) => void;
}

/** Search, period, filters and live updates of the list of runs. */
export function FilterBar({ filters, onChange, live, onLive }: Props) {
  const workflows = useWorkflows();
  const chips = useChips(filters);
  // The search and the period are shown by their own controls.
  const shown = chips.filter(({ names }) => names[0] !== 'q' && names[0] !== 'hours');
  return (
    <div className={styles.bar}>
      <div className={styles.controls}>
        <SearchField value={filters.q ?? ''} onChange={(q) => onChange({ q })} />
        <Select
          className={styles.period}
          aria-label="Time"
          value={filters.hours ?? ''}
          onChange={({ target }) => onChange({ hours: target.value, from: '', to: '' })}
        >
          <option value="">Any time</option>
          {Object.entries(PERIODS).map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </Select>
        <FilterMenu filters={filters} workflows={workflows.data ?? []} onChange={onChange} />
        <LiveToggle state={live} onChange={onLive} />
      </div>
      {shown.length > 0 && (
        <ul className={styles.chips} aria-label="Active filters">
          {shown.map((chip) => (
            <li key={chip.label}>
              <Chip label={chip.label} onRemove={() => onChange(removal(chip))} />
            </li>
          ))}
          <li>
            <Button variant="ghost" className={styles.clear} onClick={() => onChange(removal(...chips))}>
              Clear filters
            </Button>
          </li>
        </ul>
      )}
    </div>
  );
}

/** Return labels for the active filters. */
export function useChips(filters: RunFilters): ChipFacts[] {
  const workflows = useWorkflows();
  const versions = useVersions(filters.workflow ?? '', filters.workflow !== undefined && filters.version !== undefined);
  const version = versions.data?.find((each) => String(each.version) === filters.version);
  return chipsOf(filters, {
    workflow: workflows.data?.find(({ id }) => id === filters.workflow)?.name,
    version: version?.name ? `v${version.version} · ${version.name}` : undefined,
  });
}

/** Return the change that removes the filters of these chips. */
export function removal(...chips: readonly ChipFacts[]): RunFilters {
  return Object.fromEntries(chips.flatMap(({ names }) => names.map((name) => [name, ''])));
}

const TYPING_MS = 300;

/** Search field that filters while the user types. */
function SearchField({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only typing restarts the timer
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onChange(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div className={styles.search}>
      <Search size={15} aria-hidden />
      <TextInput
        type="search"
        aria-label="Search runs"
        placeholder="Search by run ID, input, output or error"
        maxLength={200}
        value={text}
        onChange={({ target }) => setText(target.value)}
        onKeyDown={({ key }) => key === 'Enter' && onChange(text)}
      />
    </div>
  );
}
