/** Control for the tools of an agent, with a form for each type of tool. */
import { type ReactNode, useState } from 'react';
import { useWorkflows } from '@/api/workflows';
import { Field, Select, TextArea, TextInput } from '@/ui/field';
import { useParsedText } from '@/ui/use-parsed-text';
import { type Json, listOf, textOf } from '@/workflow/state';
import { functionOf, newTool, type Parameter, schemaOf, TOOL_KINDS, type ToolEntry } from '@/workflow/tools';
import { CodeEditor, type Language } from './code-editor';
import { ItemList } from './item-list';
import lists from './item-list.module.css';
import { TableSetting } from './list-settings';
import setting from './setting.module.css';
import type { SettingProps } from './setting-props';
import styles from './tools-setting.module.css';

const USES = [
  ['auto', 'Auto: the model decides'],
  ['force', 'Force: call it first'],
  ['none', 'None: do not use'],
] as const;

const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object'];

/** Parameters that the author may fix: key, label, example. */
const FIXED: Record<string, readonly (readonly [string, string, string])[]> = {
  api: [
    ['url', 'URL', 'https://example.com/search'],
    ['method', 'Method', 'GET'],
  ],
  webhook_request: [['url', 'URL', 'https://example.com/hook']],
  memory: [['id', 'Conversation ID', '<start.conversationId>']],
  mcp: [
    ['serverUrl', 'Server', 'https://tools.example/mcp'],
    ['toolName', 'Tool', 'search'],
  ],
  'mcp-server': [['serverUrl', 'Server', 'https://tools.example/mcp']],
};

const REMOTE = new Set(['mcp', 'mcp-server']);

export function ToolsSetting(props: SettingProps) {
  const { value, disabled, onChange } = props;
  return (
    <ItemList<ToolEntry>
      items={listOf<ToolEntry>(value)}
      keyOf={(_, index) => String(index)}
      noun="tool"
      make={() => newTool('custom-tool')}
      disabled={disabled}
      onChange={(items) => onChange(items as unknown as Json)}
    >
      {(tool, change, index) => <Tool {...props} tool={tool} change={change} label={`tool ${index + 1}`} />}
    </ItemList>
  );
}

interface ToolProps extends SettingProps {
  tool: ToolEntry;
  change: (part: Partial<ToolEntry>) => void;
  /** Distinguishes the accessible names of this tool's fields. */
  label: string;
}

function Tool(props: ToolProps) {
  const { tool, change, label, disabled } = props;
  const [isNew] = useState(!tool.title);
  const kinds = tool.type in TOOL_KINDS ? TOOL_KINDS : { [tool.type]: tool.type, ...TOOL_KINDS };
  return (
    <details className={styles.tool} open={isNew}>
      <summary className={styles.summary}>
        <span>{tool.title || 'New tool'}</span>
        <span className={styles.kind}>{kinds[tool.type]}</span>
      </summary>
      <div className={styles.body}>
        <Choice
          label={`Type of ${label}`}
          value={tool.type}
          options={Object.entries(kinds)}
          disabled={disabled}
          onChange={(kind) => change(newTool(kind))}
        />
        {tool.type === 'custom-tool' && <CustomTool {...props} />}
        {tool.type === 'workflow_input' && <WorkflowTool {...props} />}
        <FixedValues {...props} />
        {REMOTE.has(tool.type) && <Headers {...props} />}
        <Choice
          label={`Usage of ${label}`}
          value={tool.usageControl ?? 'auto'}
          options={USES}
          disabled={disabled}
          onChange={(usageControl) => change({ usageControl })}
        />
      </div>
    </details>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  disabled: boolean;
  onChange: (value: string) => void;
}

function Choice({ label, value, options, disabled, onChange }: ChoiceProps) {
  return (
    <Select aria-label={label} value={value} disabled={disabled} onChange={(event) => onChange(event.target.value)}>
      {options.map(([option, text]) => (
        <option key={option} value={option}>
          {text}
        </option>
      ))}
    </Select>
  );
}

function CustomTool({ tool, change, label, disabled, completions }: ToolProps) {
  const { description, parameters } = functionOf(tool.schema);
  const describe = (next: { title?: string; description?: string; parameters?: readonly Parameter[] }) => {
    const title = next.title ?? tool.title ?? '';
    const parts = [title, next.description ?? description, next.parameters ?? parameters] as const;
    change({ title, schema: schemaOf(tool.schema, ...parts) });
  };
  return (
    <>
      <Field label="Name">
        {(control) => (
          <TextInput
            {...control}
            placeholder="find_order"
            value={tool.title ?? ''}
            disabled={disabled}
            onChange={(event) => describe({ title: event.target.value })}
          />
        )}
      </Field>
      <Field label="Description" hint="The model uses it to decide when to call the tool.">
        {(control) => (
          <TextArea
            {...control}
            rows={2}
            value={description}
            disabled={disabled}
            onChange={(event) => describe({ description: event.target.value })}
          />
        )}
      </Field>
      <Group title="Parameters">
        <Parameters
          label={label}
          parameters={parameters}
          disabled={disabled}
          onChange={(next) => describe({ parameters: next })}
        />
      </Group>
      <Editor
        title="Code"
        label={`Code of ${label}`}
        language="javascript"
        completions={completions}
        value={tool.code ?? ''}
        placeholder="return { price: 12 };"
        disabled={disabled}
        onChange={(code) => change({ code })}
      />
    </>
  );
}

interface ParametersProps {
  label: string;
  parameters: readonly Parameter[];
  disabled: boolean;
  onChange: (parameters: readonly Parameter[]) => void;
}

function Parameters({ label, parameters, disabled, onChange }: ParametersProps) {
  return (
    <ItemList<Parameter>
      items={parameters}
      keyOf={(_, index) => String(index)}
      noun="parameter"
      make={() => ({ name: freeName(parameters), required: true, schema: { type: 'string', description: '' } })}
      disabled={disabled}
      onChange={onChange}
    >
      {({ name, required, schema }, change, index) => (
        <>
          <div className={lists.pair}>
            <Choice
              label={`Type of parameter ${index + 1} of ${label}`}
              value={textOf(schema.type)}
              options={TYPES.map((type) => [type, type])}
              disabled={disabled}
              onChange={(type) => change({ schema: { ...schema, type } })}
            />
            <ParameterName
              label={`Name of parameter ${index + 1} of ${label}`}
              name={name}
              others={parameters.filter((_, place) => place !== index)}
              disabled={disabled}
              onChange={(next) => change({ name: next })}
            />
          </div>
          <TextArea
            rows={1}
            aria-label={`Description of parameter ${index + 1} of ${label}`}
            placeholder="Describe this parameter"
            value={textOf(schema.description)}
            disabled={disabled}
            onChange={(event) => change({ schema: { ...schema, description: event.target.value } })}
          />
          <label className={styles.required}>
            <input
              type="checkbox"
              checked={required}
              disabled={disabled}
              onChange={(event) => change({ required: event.target.checked })}
            />
            Required
          </label>
        </>
      )}
    </ItemList>
  );
}

interface NameProps {
  label: string;
  name: string;
  others: readonly Parameter[];
  disabled: boolean;
  onChange: (name: string) => void;
}

/** Name field. A name in use is not stored, but stays in the field: the user may still be typing. */
function ParameterName({ label, name, others, disabled, onChange }: NameProps) {
  const [text, setText] = useParsedText(name, name);
  const isTaken = (wanted: string) => others.some((each) => each.name === wanted);
  const change = (next: string) => {
    setText(next, isTaken(next) ? name : next);
    if (!isTaken(next)) onChange(next);
  };
  return (
    <TextInput
      aria-label={label}
      aria-invalid={isTaken(text) || undefined}
      placeholder="name"
      value={text}
      disabled={disabled}
      onChange={(event) => change(event.target.value)}
    />
  );
}

function freeName(parameters: readonly Parameter[]): string {
  const taken = new Set(parameters.map((each) => each.name));
  let number = parameters.length + 1;
  while (taken.has(`value${number}`)) number += 1;
  return `value${number}`;
}

function WorkflowTool({ tool, change, disabled }: ToolProps) {
  const workflows = useWorkflows();
  const choose = (workflowId: string) => {
    const title = workflows.data?.find((row) => row.id === workflowId)?.name ?? tool.title;
    change({ title, params: { ...tool.params, workflowId } });
  };
  return (
    <Field label="Workflow" hint="Runs the live version. The model fills in the input fields.">
      {(control) => (
        <Select
          {...control}
          value={textOf(tool.params?.workflowId)}
          disabled={disabled}
          onChange={(event) => choose(event.target.value)}
        >
          <option value="">The model chooses</option>
          {workflows.data?.map((row) => (
            <option key={row.id} value={row.id}>
              {row.name}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

/** Parameters fixed by the author. The model fills in the empty ones. */
function FixedValues({ tool, change, label, disabled, completions }: ToolProps) {
  return (FIXED[tool.type] ?? []).map(([key, title, example]) => (
    <Editor
      key={key}
      title={title}
      label={`${title} of ${label}`}
      single
      completions={completions}
      value={textOf(tool.params?.[key])}
      placeholder={example}
      disabled={disabled}
      onChange={(text) =>
        change({ params: { ...tool.params, [key]: text }, ...(key === 'toolName' && { title: text || tool.title }) })
      }
    />
  ));
}

function Headers({ tool, change, ...props }: ToolProps) {
  return (
    <Group title="Headers">
      <TableSetting
        {...props}
        value={tool.params?.headers ?? null}
        onChange={(headers) => change({ params: { ...tool.params, headers } })}
      />
    </Group>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset className={setting.group}>
      <legend>{title}</legend>
      {children}
    </fieldset>
  );
}

interface EditorProps {
  title: string;
  label: string;
  language?: Language;
  single?: boolean;
  completions: SettingProps['completions'];
  value: string;
  placeholder: string;
  disabled: boolean;
  onChange: (value: string) => void;
}

function Editor({ title, completions, disabled, ...rest }: EditorProps) {
  return (
    <div className={setting.group}>
      <span className={setting.title} aria-hidden>
        {title}
      </span>
      <CodeEditor {...completions} {...rest} readOnly={disabled} />
    </div>
  );
}
