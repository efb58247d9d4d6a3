import { Field, Select, TextArea, TextInput } from '@/ui/field';
import { useParsedText } from '@/ui/use-parsed-text';
import { START_TYPES } from '@/workflow/catalog';
import { type Block, type Json, listOf, storedValue, textOf, type WorkflowState } from '@/workflow/state';

export interface InputField {
  name: string;
  label?: string;
  required?: boolean;
  type: string;
  value?: Json;
  description?: string;
}

/** Return the fields that the start block declares. */
export function inputFields(state: WorkflowState): InputField[] {
  const start = startOf(state);
  return start ? listOf<InputField>(storedValue(start, 'inputFormat')).filter((field) => field.name) : [];
}

/** Return the declared fields, plus a text input if the start block accepts one. */
function acceptedFields(state: WorkflowState): InputField[] {
  const declared = inputFields(state);
  const type = startOf(state)?.type ?? 'start_trigger';
  const takesText = ['start_trigger', 'starter', 'chat_trigger'].includes(type) || !declared.length;
  if (!takesText || declared.some((field) => field.name === 'input')) return declared;
  return [{ name: 'input', type: 'string', description: 'Text sent by the caller.' }, ...declared];
}

/** Return the start block, which receives the caller's input. */
export function startOf(state: WorkflowState): Block | undefined {
  return Object.values(state.blocks).find((block) => START_TYPES.has(block.type));
}

/** Return an initial input: the default values of the fields, replaced by the input of an earlier run. */
export function sampleInput(state: WorkflowState, earlier?: Json): { [key: string]: Json } {
  const sample = Object.fromEntries(acceptedFields(state).map((field) => [field.name, sampleOf(field)]));
  return { ...sample, ...objectOf(earlier) };
}

function objectOf(value: Json | undefined): { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

/** Return the input to send, without an empty text. */
export function inputToSend({ input, ...rest }: { [key: string]: Json }): { [key: string]: Json } {
  return input === '' || input === undefined ? rest : { input, ...rest };
}

/** Return the initial value of a field. Booleans start unset: the user must decide. */
export function sampleOf({ type, value }: InputField): Json {
  if (value !== undefined && value !== null && value !== '') return parsed(type, value);
  const defaults: Record<string, Json> = { number: 0, boolean: null, object: {}, array: [] };
  return defaults[type] ?? '';
}

function parsed(type: string, value: Json): Json {
  if (type === 'string' || typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

interface FieldsProps {
  fields: readonly InputField[];
  value: { [key: string]: Json };
  onChange: (value: { [key: string]: Json }) => void;
}

interface Props extends Omit<FieldsProps, 'fields'> {
  state: WorkflowState;
  /** Input of an earlier run. Values that the start block does not declare have fields as well. */
  earlier?: Json;
}

/** Form for the input of a workflow. */
export function InputForm({ state, earlier, ...rest }: Props) {
  const accepted = acceptedFields(state);
  const names = new Set(accepted.map((field) => field.name));
  const others = Object.entries(objectOf(earlier)).filter(([name]) => !names.has(name));
  return <FieldsForm fields={[...accepted, ...others.map(([name, value]) => fieldOf(name, value))]} {...rest} />;
}

function fieldOf(name: string, value: Json): InputField {
  const type = typeof value;
  return { name, type: type === 'string' || type === 'number' || type === 'boolean' ? type : 'object' };
}

export function FieldsForm({ fields, value, onChange }: FieldsProps) {
  return fields.map((field) => (
    <Field key={field.name} label={field.label ?? field.name} hint={field.description} required={field.required}>
      {(control) => (
        <Control
          control={{ ...control, required: field.required }}
          type={field.type}
          value={value[field.name] ?? null}
          onChange={(next) => onChange({ ...value, [field.name]: next })}
        />
      )}
    </Field>
  ));
}

interface ControlProps {
  control: { id: string; required?: boolean };
  type: string;
  value: Json;
  onChange: (value: Json) => void;
}

function Control({ control, type, value, onChange }: ControlProps) {
  if (type === 'boolean') {
    return (
      <Select
        {...control}
        value={value === null ? '' : String(value)}
        onChange={({ target }) => onChange(target.value === '' ? null : target.value === 'true')}
      >
        <option value="">{control.required ? 'Choose…' : 'Not set'}</option>
        <option value="true">Yes</option>
        <option value="false">No</option>
      </Select>
    );
  }
  return <TextControl {...{ control, type, value, onChange }} />;
}

/** Text field that keeps the text as typed while the value is a parsed number or JSON. */
function TextControl({ control, type, value, onChange }: ControlProps) {
  const [text, setText] = useParsedText(value, textOf(value));
  const change = (next: string) => {
    const read = parsed(type, next);
    setText(next, read);
    onChange(read);
  };
  if (type === 'number') {
    return <TextInput {...control} inputMode="decimal" value={text} onChange={(event) => change(event.target.value)} />;
  }
  return <TextArea {...control} rows={2} value={text} onChange={(event) => change(event.target.value)} />;
}
