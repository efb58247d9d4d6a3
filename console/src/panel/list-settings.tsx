/** Controls for settings that are lists. */
import { Select, TextInput } from '@/ui/field';
import type { Condition } from '@/workflow/branches';
import { newId } from '@/workflow/new-id';
import { type Json, listOf, textOf } from '@/workflow/state';
import { CodeEditor } from './code-editor';
import { ItemList } from './item-list';
import styles from './item-list.module.css';
import type { SettingProps } from './setting-props';

const FIELD_TYPES = ['string', 'number', 'boolean', 'object', 'array', 'file[]'];
const ROLES = ['system', 'user', 'assistant'];

interface Message {
  role: string;
  content: string;
}

export function MessagesSetting({ value, disabled, onChange, completions }: SettingProps) {
  return (
    <ItemList<Message>
      items={listOf<Message>(value)}
      keyOf={(_, index) => String(index)}
      noun="message"
      make={() => ({ role: 'user', content: '' })}
      disabled={disabled}
      onChange={(items) => onChange(items as unknown as Json)}
    >
      {(message, change, index) => (
        <>
          <Select
            aria-label={`Role of message ${index + 1}`}
            value={message.role}
            disabled={disabled}
            onChange={(event) => change({ role: event.target.value })}
          >
            {ROLES.map((role) => (
              <option key={role}>{role}</option>
            ))}
          </Select>
          <CodeEditor
            {...completions}
            label={`Message ${index + 1}`}
            value={message.content ?? ''}
            readOnly={disabled}
            placeholder="Write a message. Type < to insert a block output."
            onChange={(content) => change({ content })}
          />
        </>
      )}
    </ItemList>
  );
}

interface FieldItem {
  id: string;
  name: string;
  type: string;
  value: Json;
  description?: string;
}

/** Fields of a start block or response format. */
export function FieldsSetting({
  value,
  disabled,
  onChange,
  completions,
  noun = 'field',
}: SettingProps & { noun?: string }) {
  return (
    <ItemList<FieldItem>
      items={listOf<FieldItem>(value)}
      keyOf={(field, index) => field.id ?? String(index)}
      noun={noun}
      make={() => ({ id: newId(), name: '', type: 'string', value: '' })}
      disabled={disabled}
      onChange={(items) => onChange(items as unknown as Json)}
    >
      {(field, change, index) => (
        <>
          <div className={styles.pair}>
            <Select
              aria-label={`Type of ${noun} ${index + 1}`}
              value={field.type ?? 'string'}
              disabled={disabled}
              onChange={(event) => change({ type: event.target.value })}
            >
              {FIELD_TYPES.map((type) => (
                <option key={type}>{type}</option>
              ))}
            </Select>
            <TextInput
              aria-label={`Name of ${noun} ${index + 1}`}
              placeholder="name"
              value={field.name ?? ''}
              disabled={disabled}
              onChange={(event) => change({ name: event.target.value })}
            />
          </div>
          <CodeEditor
            {...completions}
            single
            label={`Value of ${noun} ${index + 1}`}
            value={textOf(field.value)}
            placeholder="value"
            readOnly={disabled}
            onChange={(text) => change({ value: text })}
          />
        </>
      )}
    </ItemList>
  );
}

interface Row {
  id: string;
  cells: Record<string, Json>;
}

export function TableSetting({ value, disabled, onChange, completions }: SettingProps) {
  return (
    <ItemList<Row>
      items={listOf<Row>(value)}
      keyOf={(row, index) => row.id ?? String(index)}
      noun="row"
      make={() => ({ id: newId(), cells: { Key: '', Value: '' } })}
      disabled={disabled}
      onChange={(items) => onChange(items as unknown as Json)}
    >
      {(row, change, index) => (
        <div className={styles.pair}>
          <TextInput
            aria-label={`Key of row ${index + 1}`}
            placeholder="key"
            value={textOf(row.cells?.Key ?? '')}
            disabled={disabled}
            onChange={(event) => change({ cells: { ...row.cells, Key: event.target.value } })}
          />
          <CodeEditor
            {...completions}
            single
            label={`Value of row ${index + 1}`}
            placeholder="value"
            value={textOf(row.cells?.Value ?? '')}
            readOnly={disabled}
            onChange={(text) => change({ cells: { ...row.cells, Value: text } })}
          />
        </div>
      )}
    </ItemList>
  );
}

/** `if`, `else if` and `else` branches, stored as JSON text. `else` always exists. */
export function ConditionsSetting({ value, disabled, onChange, completions, blockId }: SettingProps) {
  const entries = listOf<Condition>(value);
  const tested = entries.filter((entry) => entry.title !== 'else');
  const rest = entries.find((entry) => entry.title === 'else') ?? branch(blockId, 'else', 'else');
  const store = (items: Condition[]) => {
    const titled = items.map((item, index) => ({ ...item, title: index === 0 ? 'if' : 'else if' }));
    onChange(JSON.stringify([...titled, rest]));
  };
  return (
    <ItemList<Condition>
      items={tested}
      keyOf={(entry) => entry.id}
      noun="condition"
      make={() => branch(blockId, newId().slice(0, 8), 'else if')}
      disabled={disabled}
      onChange={store}
    >
      {(entry, change, index) => (
        <CodeEditor
          {...completions}
          language="javascript"
          label={`${index === 0 ? 'if' : 'else if'}, condition ${index + 1}`}
          value={entry.value ?? ''}
          readOnly={disabled}
          placeholder="<start.amount> > 100"
          onChange={(text) => change({ value: text })}
        />
      )}
    </ItemList>
  );
}

export function RoutesSetting({ value, disabled, onChange, completions, blockId }: SettingProps) {
  return (
    <ItemList<Condition>
      items={listOf<Condition>(value)}
      keyOf={(entry) => entry.id}
      noun="route"
      make={() => branch(blockId, newId().slice(0, 8), '')}
      disabled={disabled}
      onChange={(items) => onChange(JSON.stringify(items))}
    >
      {(entry, change, index) => (
        <>
          <TextInput
            aria-label={`Title of route ${index + 1}`}
            placeholder={`Route ${index + 1}`}
            value={entry.title ?? ''}
            disabled={disabled}
            onChange={(event) => change({ title: event.target.value })}
          />
          <CodeEditor
            {...completions}
            label={`When to take route ${index + 1}`}
            value={entry.value ?? ''}
            readOnly={disabled}
            placeholder="When to take this route"
            onChange={(text) => change({ value: text })}
          />
        </>
      )}
    </ItemList>
  );
}

interface Assignment {
  id: string;
  variableId?: string;
  variableName: string;
  type: string;
  value: Json;
}

export function AssignmentsSetting({ value, disabled, onChange, completions }: SettingProps) {
  return (
    <ItemList<Assignment>
      items={listOf<Assignment>(value)}
      keyOf={(entry, index) => entry.id ?? String(index)}
      noun="assignment"
      make={() => ({ id: newId(), variableName: '', type: 'string', value: '' })}
      disabled={disabled}
      onChange={(items) => onChange(items as unknown as Json)}
    >
      {(entry, change, index) => (
        <div className={styles.pair}>
          <TextInput
            aria-label={`Variable of assignment ${index + 1}`}
            placeholder="variable"
            value={entry.variableName ?? ''}
            disabled={disabled}
            onChange={(event) => change({ variableName: event.target.value })}
          />
          <CodeEditor
            {...completions}
            single
            label={`Value of assignment ${index + 1}`}
            placeholder="value"
            value={textOf(entry.value)}
            readOnly={disabled}
            onChange={(text) => change({ value: text })}
          />
        </div>
      )}
    </ItemList>
  );
}

function branch(blockId: string, tail: string, title: string): Condition {
  return { id: `${blockId}-${tail}`, title, value: '' };
}
