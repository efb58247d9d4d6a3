import { ListFilter } from 'lucide-react';
import { useState } from 'react';
import { useVersions } from '@/api/deployments';
import type { WorkflowRow } from '@/api/workflows';
import { Button } from '@/ui/button';
import { Field, Select, TextInput } from '@/ui/field';
import { Popover } from '@/ui/popover';
import styles from './filter-menu.module.css';
import { DRAFT_VERSION, type RunFilters } from './filters';
import { STATUS_LABELS, TRIGGER_LABELS } from './labels';

interface Props {
  filters: RunFilters;
  workflows: readonly WorkflowRow[];
  onChange: (changes: RunFilters) => void;
}

type Options = readonly (readonly [value: string, text: string])[];

/** Popover with the filters of the list of runs. */
export function FilterMenu({ filters, workflows, onChange }: Props) {
  return (
    <Popover label="Filters" trigger={<Button icon={<ListFilter size={15} aria-hidden />}>Filter</Button>}>
      <div className={styles.form}>
        <Choice
          label="Workflow"
          all="All workflows"
          value={filters.workflow}
          options={workflows.map(({ id, name }) => [id, name])}
          onChange={(workflow) => onChange({ workflow })}
        />
        <VersionChoice filters={filters} onChange={onChange} />
        <Choice
          label="Status"
          all="Any status"
          value={filters.status}
          options={Object.entries(STATUS_LABELS)}
          onChange={(status) => onChange({ status })}
        />
        <Choice
          label="Caller"
          all="Any caller"
          value={filters.trigger}
          options={Object.entries(TRIGGER_LABELS)}
          onChange={(trigger) => onChange({ trigger })}
        />
        <div className={styles.pair}>
          <NumberField
            label="Min. duration (s)"
            value={filters.minDurationMs}
            unit={1000}
            onChange={(minDurationMs) => onChange({ minDurationMs })}
          />
          <NumberField
            label="Max. duration (s)"
            value={filters.maxDurationMs}
            unit={1000}
            onChange={(maxDurationMs) => onChange({ maxDurationMs })}
          />
          <NumberField
            label="Min. cost ($)"
            value={filters.minCost}
            unit={1}
            onChange={(minCost) => onChange({ minCost })}
          />
          <NumberField
            label="Max. cost ($)"
            value={filters.maxCost}
            unit={1}
            onChange={(maxCost) => onChange({ maxCost })}
          />
        </div>
      </div>
    </Popover>
  );
}

/** Choice of a version of the chosen workflow. Without a workflow, only drafts can be chosen. */
function VersionChoice({ filters, onChange }: Omit<Props, 'workflows'>) {
  const versions = useVersions(filters.workflow ?? '', filters.workflow !== undefined);
  const numbered: Options = (versions.data ?? []).map(({ version, name }) => [
    String(version),
    name ? `v${version} · ${name}` : `v${version}`,
  ]);
  return (
    <Choice
      label="Version"
      all="Any version"
      value={filters.version}
      options={[[DRAFT_VERSION, 'Draft'], ...(filters.workflow ? numbered : [])]}
      onChange={(version) => onChange({ version })}
    />
  );
}

interface ChoiceProps {
  label: string;
  /** Text for no filter. */
  all: string;
  value: string | undefined;
  options: Options;
  onChange: (value: string) => void;
}

function Choice({ label, all, value = '', options, onChange }: ChoiceProps) {
  return (
    <Field label={label}>
      {(control) => (
        <Select {...control} value={value} onChange={({ target }) => onChange(target.value)}>
          <option value="">{all}</option>
          {options.map(([option, text]) => (
            <option key={option} value={option}>
              {text}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

interface NumberProps {
  label: string;
  value: string | undefined;
  /** Size of the displayed unit in units of the value. */
  unit: number;
  onChange: (value: string) => void;
}

/** Number that filters when the field is left or Enter is pressed. */
function NumberField({ label, value, unit, onChange }: NumberProps) {
  const shown = value === undefined ? '' : String(Number(value) / unit);
  const [text, setText] = useState(shown);
  const number = Number(text.replace(',', '.'));
  const isValid = text.trim() === '' || number >= 0;
  const settle = () => {
    if (isValid && text !== shown) onChange(text.trim() === '' ? '' : String(number * unit));
  };
  return (
    <Field label={label} error={isValid ? null : 'Enter a number.'}>
      {(control) => (
        <TextInput
          {...control}
          inputMode="decimal"
          value={text}
          onChange={({ target }) => setText(target.value)}
          onBlur={settle}
          onKeyDown={({ key }) => key === 'Enter' && settle()}
        />
      )}
    </Field>
  );
}
