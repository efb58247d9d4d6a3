import { Check, ChevronsUpDown } from 'lucide-react';
import { useMemo, useState } from 'react';
import { useModels } from '@/api/models';
import { Button, IconButton } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { SearchList } from '@/ui/search-list';
import { describeModel, type KnownModel, knownModel, modelOptions } from '@/workflow/models';
import { textOf } from '@/workflow/state';
import { CodeEditor } from './code-editor';
import styles from './setting.module.css';
import type { SettingProps } from './setting-props';

interface Props extends SettingProps {
  /** Whether the block has an API key. */
  hasKey: boolean;
  /** Set the block's API key to a secret of the workspace. */
  onUseSecret: (name: string) => void;
}

/** Name of a model: free text, with a searchable list of known models. */
export function ModelSetting({ setting, value, disabled, completions, hasKey, onUseSecret, onChange }: Props) {
  const models = useModels();
  const [isOpen, setOpen] = useState(false);
  const name = textOf(value);
  const known = useMemo(() => knownModel(models, name), [models, name]);
  return (
    <div className={styles.group}>
      <span className={styles.title} aria-hidden>
        {setting.title}
        {setting.required && <span className={styles.required}> *</span>}
      </span>
      <div className={styles.picker}>
        <CodeEditor
          {...completions}
          label={setting.title}
          language="text"
          single
          value={name}
          readOnly={disabled}
          onChange={onChange}
        />
        {!disabled && (
          <IconButton label="Choose a model" aria-haspopup="dialog" onClick={() => setOpen(true)}>
            <ChevronsUpDown size={15} aria-hidden />
          </IconButton>
        )}
      </div>
      {known && <ModelNote known={known} hasKey={hasKey} {...{ disabled, completions, onUseSecret }} />}
      <Dialog
        title="Choose a model"
        help="models"
        description="With the context window, and the prices of a million tokens in and out."
        open={isOpen}
        onClose={() => setOpen(false)}
        size="m"
      >
        <ModelList
          chosen={name}
          onChoose={(model) => {
            onChange(model);
            setOpen(false);
          }}
        />
      </Dialog>
    </div>
  );
}

function ModelList({ chosen, onChoose }: { chosen: string; onChoose: (model: string) => void }) {
  const models = useModels();
  const [search, setSearch] = useState('');
  const groups = useMemo(() => {
    const check = <Check size={15} aria-label="Chosen" />;
    return modelOptions(models, search).map((group) => ({
      ...group,
      options: group.options.map((option) => (option.model === chosen ? { ...option, icon: check } : option)),
    }));
  }, [models, search, chosen]);
  return (
    <SearchList
      label="Search models and providers"
      list="Models"
      search={search}
      onSearch={setSearch}
      groups={groups}
      onChoose={(option) => (option.model === undefined ? setSearch(option.search ?? '') : onChoose(option.model))}
      empty="The list of models is not available. Enter the model's name in the block."
    />
  );
}

type NoteProps = Pick<Props, 'hasKey' | 'disabled' | 'completions' | 'onUseSecret'> & { known: KnownModel };

/** Provider, context window and prices of the model, and what its provider lacks. */
function ModelNote({ known: { provider, model }, hasKey, disabled, completions, onUseSecret }: NoteProps) {
  const secret = provider.variables.find((name) => completions.environment.includes(name));
  const isMissing = !provider.isConfigured && !(provider.needsKey && hasKey);
  return (
    <>
      <p className={styles.note}>
        {provider.label}
        {model && ` · ${describeModel(model)}`}
      </p>
      {isMissing && (
        <p className={styles.wrong} role="status">
          {provider.label} is not configured: set {provider.variables.join(' and ')} on executor-service
          {provider.needsKey && ', or an API key in this block'}.
        </p>
      )}
      {isMissing && provider.needsKey && secret && !disabled && (
        <Button className={styles.secret} onClick={() => onUseSecret(secret)}>
          Use secret {secret}
        </Button>
      )}
    </>
  );
}
