import { Field, Select, TextArea, TextInput } from '@/ui/field';
import { useTypedText } from '@/ui/use-typed-text';
import { STARTS } from '@/workflow/catalogue';
import { type Block, type Json, listOf, storedValue, textOf, type WorkflowState } from '@/workflow/state';

export interface InputField {
  name: string;
  label?: string;
  required?: boolean;
  type: string;
  value?: Json;
  description?: string;
}

/** The fields that the workflow's start declares. */
export function inputFields(state: WorkflowState): InputField[] {
  const start = startOf(state);
  return start ? listOf<InputField>(storedValue(start, 'inputFormat')).filter((field) => field.name) : [];
}

/** What a caller may send: the declared fields, and a free text where the start takes one. */
function acceptedFields(state: WorkflowState): InputField[] {
  const declared = inputFields(state);
  const type = startOf(state)?.type ?? 'start_trigger';
  const takesText = ['start_trigger', 'starter', 'chat_trigger'].includes(type) || !declared.length;
  if (!takesText || declared.some((field) => field.name === 'input')) return declared;
  return [{ name: 'input', type: 'string', description: 'The text that the caller sends.' }, ...declared];
}

/** The block that takes what callers send. */
export function startOf(state: WorkflowState): Block | undefined {
  return Object.values(state.blocks).find((block) => STARTS.has(block.type));
}

/** An input to begin with: what the fields hold. */
export function sampleInput(state: WorkflowState): { [key: string]: Json } {
  return Object.fromEntries(acceptedFields(state).map((field) => [field.name, sampleOf(field)]));
}

/** The input as it is sent: a text that nobody wrote stays away. */
export function sentInput({ input, ...rest }: { [key: string]: Json }): { [key: string]: Json } {
  return input === '' || input === undefined ? rest : { input, ...rest };
}

/** What a field holds to begin with. A yes or no that nobody chose is neither: one sent unseen would decide. */
export function sampleOf({ type, value }: InputField): Json {
  if (value !== undefined && value !== null && value !== '') return parsed(type, value);
  const usual: Record<string, Json> = { number: 0, boolean: null, object: {}, array: [] };
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
export function InputForm({ state, ...rest }: Props) {
  return <FieldsForm fields={acceptedFields(state)} {...rest} />;
}

interface FieldsProps extends Omit<Props, 'state'> {
  fields: readonly InputField[];
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
        <option value="">{control.required ? 'Choose…' : 'Left empty'}</option>
        <option value="true">Yes</option>
        <option value="false">No</option>
      </Select>
    );
  }
  return <TextControl {...{ control, type, value, onChange }} />;
}

/** A text; a number or JSON stays as it is written while it is. */
function TextControl({ control, type, value, onChange }: ControlProps) {
  const [text, setText] = useTypedText(value, textOf(value));
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
