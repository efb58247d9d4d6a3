import { Trash2, X } from 'lucide-react';
import { useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { useModels } from '@/api/models';
import { duration } from '@/app/format';
import { BlockIcon } from '@/canvas/block-icon';
import type { RunMark } from '@/canvas/marks';
import { HelpLink } from '@/help/help-link';
import { blockTopic } from '@/help/topics';
import { BlockInput } from '@/runs/block-input';
import { IconButton } from '@/ui/button';
import details from '@/ui/details.module.css';
import { Field, TextInput } from '@/ui/field';
import { JsonView } from '@/ui/json-view';
import { type BlockType, type Catalog, isAdvanced, type Setting, settingsOf } from '@/workflow/catalog';
import type { DraftStore } from '@/workflow/draft-store';
import { removeBlocks, renameBlock, setData, setRetry, setValue, toggleEnabled } from '@/workflow/edit';
import { hasValue, isKeyOptional, knownModel, settingsOfModel } from '@/workflow/models';
import { nameProblem } from '@/workflow/names';
import { referenceCheck } from '@/workflow/reference-check';
import { type LastOutputs, referencesFor } from '@/workflow/references';
import { type Block, isContainer, type Json, storedValue, textOf, type WorkflowState } from '@/workflow/state';
import styles from './block-panel.module.css';
import type { Language } from './code-editor';
import { Connections } from './connections';
import { ContainerSettings } from './container-settings';
import { ModelSetting } from './model-setting';
import { JsonSetting, SettingControl } from './setting';
import type { Completions } from './setting-props';
import { Switch } from './switch';

interface Props {
  block: Block;
  state: WorkflowState;
  store: DraftStore;
  catalog: Catalog;
  environment: readonly string[];
  disabled: boolean;
  run?: RunMark;
  /** Last execution of the block in the run on the canvas. */
  execution?: Execution;
  /** Outputs of the blocks in the last run of the draft. */
  outputs?: LastOutputs;
  onClose: () => void;
}

/** Settings of the selected block. */
export function BlockPanel({
  block,
  state,
  store,
  catalog,
  environment,
  disabled,
  run,
  execution,
  outputs,
  onClose,
}: Props) {
  const type = catalog.get(block.type);
  // Deferred: completions need not be up to date before the next keystroke.
  const around = useDeferredValue(state);
  const references = useMemo(
    () => referencesFor(around, block.id, catalog, outputs),
    [around, block.id, catalog, outputs],
  );
  const check = useMemo(() => referenceCheck(around, block.id, references), [around, block.id, references]);
  const completions = { references, environment, check };
  return (
    <aside className={styles.panel} aria-label={`Settings of ${block.name}`} tabIndex={-1}>
      <header className={styles.head}>
        <BlockIcon type={block.type} size={26} />
        <div className={styles.titles}>
          <h2>{block.name}</h2>
          <p className={styles.about}>{type ? `${type.title} · ${type.description}` : block.type}</p>
        </div>
        <div className={styles.corner}>
          <HelpLink topic={blockTopic(type ?? { type: block.type, title: block.type })} />
          <IconButton label="Close panel" onClick={onClose}>
            <X size={17} aria-hidden />
          </IconButton>
        </div>
      </header>
      <div className={styles.body}>
        {run?.error && (
          <p className={styles.error} role="alert">
            {run.error}
          </p>
        )}
        {execution && <ExecutionDetails {...execution} />}
        <NameField block={block} state={state} store={store} disabled={disabled} />
        {isContainer(block) ? (
          <ContainerSettings
            block={block}
            disabled={disabled}
            completions={completions}
            onChange={(change) => store.edit((current) => setData(current, block.id, change), `data ${block.id}`)}
          />
        ) : (
          <Settings block={block} type={type} store={store} disabled={disabled} completions={completions} />
        )}
        {block.type !== 'note' && <Connections id={block.id} state={around} {...{ store, catalog, disabled }} />}
        <section className={styles.last}>
          <Switch
            label="Enabled"
            checked={block.enabled !== false}
            disabled={disabled}
            onChange={() => store.edit((current) => toggleEnabled(current, [block.id]))}
          />
          {type?.retryable && <RetrySwitch block={block} store={store} disabled={disabled} />}
          {!disabled && (
            <button
              type="button"
              className={styles.remove}
              onClick={() => {
                store.edit((current) => removeBlocks(current, [block.id]));
                onClose();
              }}
            >
              <Trash2 size={15} aria-hidden />
              Delete block
            </button>
          )}
        </section>
      </div>
    </aside>
  );
}

interface Execution {
  input?: Json;
  output?: Json;
  durationMs?: number;
}

/** Input, output and duration of a block in a run. */
function ExecutionDetails({ input, output, durationMs }: Execution) {
  return (
    <details className={details.details}>
      <summary>Run{durationMs !== undefined && ` · ${duration(durationMs)}`}</summary>
      <div className={details.body}>
        <BlockInput value={input ?? null} />
        {output !== undefined && output !== null && <JsonView label="Output" value={output} />}
      </div>
    </details>
  );
}

interface PartProps {
  block: Block;
  store: DraftStore;
  disabled: boolean;
}

function NameField({ block, state, store, disabled }: PartProps & { state: WorkflowState }) {
  const [name, setName] = useState(block.name);
  useEffect(() => setName(block.name), [block.name]);
  const problem = name === block.name ? null : nameProblem(state, block.id, name);
  const settle = () => {
    if (problem) setName(block.name);
    else if (name !== block.name) store.edit((current) => renameBlock(current, block.id, name));
  };
  return (
    <Field label="Name" error={problem}>
      {(control) => (
        <TextInput
          {...control}
          value={name}
          disabled={disabled}
          maxLength={100}
          onChange={(event) => setName(event.target.value)}
          onBlur={settle}
          onKeyDown={(event) => event.key === 'Enter' && settle()}
        />
      )}
    </Field>
  );
}

function Settings({
  block,
  type,
  store,
  disabled,
  completions,
}: PartProps & { type: BlockType | undefined; completions: Completions }) {
  const models = useModels();
  // A setting neither disappears nor moves while it is edited.
  const [opened] = useState(block);
  const inUse = useSettingsInUse(block);
  const set = (id: string, control: string, value: Json) =>
    store.edit((current) => setValue(current, block.id, id, control, value), `${block.id} ${id}`);
  if (!type) {
    return Object.values(block.subBlocks).map((subBlock) => (
      <JsonSetting
        key={subBlock.id}
        setting={{ ...PLAIN, id: subBlock.id, title: subBlock.id }}
        value={subBlock.value}
        disabled={disabled}
        completions={completions}
        onChange={(value) => set(subBlock.id, subBlock.type, value)}
      />
    ));
  }
  const known = knownModel(models, textOf(storedValue(block, 'model')));
  const settings = settingsOfModel(settingsOf(block, type), known, inUse);
  const isFurther = (setting: Setting) =>
    isAdvanced(setting, opened) || (setting.id === 'apiKey' && !!known && isKeyOptional(opened, known));
  const [usual, further] = [
    settings.filter((setting) => !isFurther(setting)),
    settings.filter((setting) => isFurther(setting)),
  ];
  const control = (setting: Setting) => {
    const props = {
      setting,
      value: storedValue(block, setting.id),
      blockId: block.id,
      disabled,
      completions,
      onChange: (value: Json) => set(setting.id, setting.type, value),
    };
    const key = `${block.id} ${setting.id}`;
    return setting.id === 'model' && setting.type === 'combobox' ? (
      <ModelSetting
        key={key}
        {...props}
        hasKey={hasValue(block, 'apiKey')}
        onUseSecret={(name) => set('apiKey', 'short-input', `{{${name}}}`)}
      />
    ) : (
      <SettingControl key={key} {...props} language={languageOf(block, setting.id)} />
    );
  };
  return (
    <>
      {usual.map(control)}
      {further.length > 0 && (
        <details className={details.details}>
          <summary>More settings</summary>
          <div className={details.body}>{further.map(control)}</div>
        </details>
      )}
    </>
  );
}

/** Return the settings that have a value, or had one since the panel opened. */
function useSettingsInUse(block: Block): ReadonlySet<string> {
  const inUse = useRef(new Set<string>());
  for (const id of Object.keys(block.subBlocks)) if (hasValue(block, id)) inUse.current.add(id);
  return inUse.current;
}

const PLAIN: Setting = {
  id: '',
  title: '',
  type: 'short-input',
  required: false,
  condition: null,
  default: null,
  options: [],
  password: false,
  mode: 'basic',
};

function languageOf(block: Block, id: string): Language {
  if (block.type !== 'function' || id !== 'code') return 'json';
  return storedValue(block, 'language') === 'python' ? 'python' : 'javascript';
}

const USUAL_RETRY = { enabled: false, maxTries: 3, waitBetweenTriesMs: 1000 };

function RetrySwitch({ block, store, disabled }: PartProps) {
  const retry = block.retry ?? USUAL_RETRY;
  return (
    <Switch
      label={`Retry on failure (up to ${retry.maxTries} attempts)`}
      checked={retry.enabled}
      disabled={disabled}
      onChange={(enabled) => store.edit((current) => setRetry(current, block.id, { ...retry, enabled }))}
    />
  );
}
