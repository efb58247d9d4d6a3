import { Field, Select, TextArea, TextInput } from '@/ui/field';
import { type Json, listOf, valueOf, type WorkflowState } from '@/workflow/state';

export interface InputField {
  name: string;
  type: string;
  value?: Json;
  description?: string;
}

const STARTS = ['start_trigger', 'api_trigger', 'input_trigger', 'manual_trigger', 'chat_trigger', 'starter'];

/** The fields that the workflow's start declares. */
export function inputFields(state: WorkflowState): InputField[] {
  const start = Object.values(state.blocks).find((block) => STARTS.includes(block.type));
  return start ? listOf<InputField>(valueOf(start, 'inputFormat')).filter((field) => field.name) : [];
}

/** An input to begin with: what the fields hold, or a text. */
export function sampleInput(state: WorkflowState): { [key: string]: Json } {
  const fields = inputFields(state);
  if (!fields.length) return { input: '' };
  return Object.fromEntries(fields.map((field) => [field.name, sampleOf(field)]));
}

function sampleOf({ type, value }: InputField): Json {
  if (value !== undefined && value !== null && value !== '') return parsed(type, value);
  const usual: Record<string, Json> = { number: 0, boolean: false, object: {}, array: [] };
  return usual[type] ?? '';
}

function parsed(type: string, value: Json): Json {
  if (type === 'string' || typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

interface Props {
  state: WorkflowState;
  value: { [key: string]: Json };
  onChange: (value: { [key: string]: Json }) => void;
}

/** A control for each field that a caller sends. */
export function InputForm({ state, value, onChange }: Props) {
  const fields = inputFields(state);
  const shown = fields.length ? fields : [{ name: 'input', type: 'string', description: 'What the caller sends' }];
  return shown.map((field) => (
    <Field key={field.name} label={field.name} hint={field.description}>
      {(control) => (
        <Control
          control={control}
          type={field.type}
          value={value[field.name] ?? null}
          onChange={(next) => onChange({ ...value, [field.name]: next })}
        />
      )}
    </Field>
  ));
}

interface ControlProps {
  control: { id: string };
  type: string;
  value: Json;
  onChange: (value: Json) => void;
}

function Control({ control, type, value, onChange }: ControlProps) {
  if (type === 'boolean') {
    return (
      <Select {...control} value={String(value)} onChange={(event) => onChange(event.target.value === 'true')}>
        <option>true</option>
        <option>false</option>
      </Select>
    );
  }
  if (type === 'number') {
    return (
      <TextInput
        {...control}
        inputMode="decimal"
        value={value === null ? '' : String(value)}
        onChange={(event) => onChange(parsed('number', event.target.value))}
      />
    );
  }
  return (
    <TextArea
      {...control}
      rows={3}
      value={typeof value === 'string' ? value : JSON.stringify(value)}
      onChange={(event) => onChange(parsed(type, event.target.value))}
    />
  );
}
