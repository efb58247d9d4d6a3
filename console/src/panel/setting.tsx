import { useWorkflows } from '@/api/workflows';
import { Field, Select, TextInput } from '@/ui/field';
import { useParsedNumber, useParsedText } from '@/ui/use-parsed-text';
import { defaultValue, isSecret, optionTitle } from '@/workflow/catalog';
import { type Json, textOf } from '@/workflow/state';
import { CodeEditor, type Language } from './code-editor';
import { ExpandableEditor } from './expandable-editor';
import {
  AssignmentsSetting,
  ConditionsSetting,
  FieldsSetting,
  MessagesSetting,
  RoutesSetting,
  TableSetting,
} from './list-settings';
import styles from './setting.module.css';
import type { SettingProps } from './setting-props';
import { Switch } from './switch';
import { ToolsSetting } from './tools-setting';

const LISTS: Record<string, (props: SettingProps) => React.JSX.Element> = {
  'messages-input': MessagesSetting,
  'input-format': FieldsSetting,
  'response-format': FieldsSetting,
  table: TableSetting,
  'condition-input': ConditionsSetting,
  'router-input': RoutesSetting,
  'variables-input': AssignmentsSetting,
  'tool-input': ToolsSetting,
};

/** Controls whose value is arbitrary JSON. */
const JSON_CONTROLS = new Set(['skill-input', 'eval-input', 'input-mapping', 'file-upload']);

/** Control for a setting of a block. */
export function SettingControl(props: SettingProps & { language: Language }) {
  const { setting, value, disabled, onChange } = props;
  const List = LISTS[setting.type];
  if (List) {
    return (
      <fieldset className={styles.group}>
        <legend>{setting.title}</legend>
        <List {...props} />
      </fieldset>
    );
  }
  if (setting.type === 'switch') {
    return (
      <Switch
        label={setting.title}
        checked={value === true || value === 'true'}
        disabled={disabled}
        onChange={onChange}
      />
    );
  }
  if (JSON_CONTROLS.has(setting.type)) return <JsonSetting {...props} />;
  return <PlainSetting {...props} />;
}

function PlainSetting({
  setting,
  value,
  disabled,
  completions,
  onChange,
  language,
}: SettingProps & { language: Language }) {
  const text = textOf(value, 2);
  const { title, required, type } = setting;
  if (type === 'dropdown' && setting.options.length) return <Choice {...{ setting, value, disabled, onChange }} />;
  if (type === 'workflow-selector') return <WorkflowSetting {...{ setting, value, disabled, onChange }} />;
  if (setting.password) return <SecretSetting {...{ setting, value, disabled, onChange }} />;
  if (type === 'slider') return <NumberSetting {...{ setting, value, disabled, onChange }} />;
  const isCode = type === 'code';
  const single = type === 'short-input' || type === 'combobox' || type === 'dropdown';
  const Editor = single ? CodeEditor : ExpandableEditor;
  return (
    <div className={styles.group}>
      <span className={styles.title} aria-hidden>
        {title}
        {required && <span className={styles.required}> *</span>}
      </span>
      <Editor
        {...completions}
        label={title}
        language={isCode ? language : 'text'}
        single={single}
        value={text}
        readOnly={disabled}
        onChange={onChange}
      />
    </div>
  );
}

type Simple = Pick<SettingProps, 'setting' | 'value' | 'disabled' | 'onChange'>;

function NumberSetting({ setting, value, disabled, onChange }: Simple) {
  const [text, change] = useParsedNumber(value, onChange);
  return (
    <Field label={setting.title} required={setting.required}>
      {(control) => (
        <TextInput
          {...control}
          inputMode="decimal"
          value={text}
          disabled={disabled}
          onChange={(event) => change(event.target.value)}
        />
      )}
    </Field>
  );
}

/** Select of the options, plus the current value if it is another one, such as a reference. */
function Choice({ setting, value, disabled, onChange }: Simple) {
  const chosen = textOf(value) || textOf(defaultValue(setting));
  const options = setting.options.includes(chosen) ? setting.options : [chosen, ...setting.options];
  return (
    <Field label={setting.title} required={setting.required}>
      {(control) => (
        <Select {...control} value={chosen} disabled={disabled} onChange={(event) => onChange(event.target.value)}>
          {options.map((option) => (
            <option key={option} value={option}>
              {optionTitle(option) || '–'}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

function SecretSetting({ setting, value, disabled, onChange }: Simple) {
  const text = textOf(value);
  const isHidden = isSecret(setting, text);
  return (
    <Field
      label={setting.title}
      required={setting.required}
      hint={isHidden ? undefined : 'Use a secret as {{NAME}}. Manage secrets in Settings → Secrets.'}
    >
      {(control) => (
        <TextInput
          {...control}
          type={isHidden ? 'password' : 'text'}
          autoComplete="off"
          value={text}
          disabled={disabled}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

function WorkflowSetting({ setting, value, disabled, onChange }: Simple) {
  const workflows = useWorkflows();
  return (
    <Field label={setting.title} required={setting.required}>
      {(control) => (
        <Select
          {...control}
          value={textOf(value)}
          disabled={disabled}
          onChange={(event) => onChange(event.target.value)}
        >
          <option value="">Choose a workflow</option>
          {workflows.data?.map((workflow) => (
            <option key={workflow.id} value={workflow.id}>
              {workflow.name}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

/** JSON editor for values without a form. Invalid JSON is not stored. */
export function JsonSetting({ setting, value, disabled, completions, onChange }: Omit<SettingProps, 'blockId'>) {
  const stored =
    value === null || value === '' ? '' : typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  const [text, setText] = useParsedText(value, stored);
  const wrong = text !== stored && jsonOf(text) === undefined;
  const change = (next: string) => {
    const read = jsonOf(next);
    setText(next, read === undefined ? value : read);
    if (read !== undefined) onChange(read);
  };
  return (
    <div className={styles.group}>
      <span className={styles.title} aria-hidden>
        {setting.title}
      </span>
      <CodeEditor
        {...completions}
        label={setting.title}
        language="json"
        value={text}
        readOnly={disabled}
        onChange={change}
      />
      {wrong && (
        <p className={styles.wrong} role="status">
          Invalid JSON. Your change is saved once it is valid.
        </p>
      )}
    </div>
  );
}

/** Parse JSON: null for empty text, undefined for invalid JSON. */
function jsonOf(text: string): Json | undefined {
  try {
    return text.trim() ? JSON.parse(text) : null;
  } catch {
    return undefined;
  }
}
