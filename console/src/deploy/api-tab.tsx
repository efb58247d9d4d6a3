import { ChevronDown } from 'lucide-react';
import { useState } from 'react';
import { useKeys } from '@/api/keys';
import { type SampleApi, type Samples, type SelectableBlock, useSamples } from '@/api/samples';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { count } from '@/app/format';
import { BlockIcon } from '@/canvas/block-icon';
import { Button } from '@/ui/button';
import { Select } from '@/ui/field';
import { Menu, MenuCheckboxItem, MenuGroup } from '@/ui/menu';
import { SegmentedControl } from '@/ui/segmented-control';
import { Empty, LoadError, Skeleton } from '@/ui/states';
import { useStoredList } from '@/ui/use-stored-list';
import type { DraftSaver } from '@/workflow/draft-saver';
import type { Json } from '@/workflow/state';
import styles from './api-tab.module.css';
import { SampleBlock } from './sample-block';
import { TryIt } from './try-it';

const LANGUAGES = [
  ['curl', 'cURL'],
  ['python', 'Python'],
  ['javascript', 'JavaScript'],
  ['typescript', 'TypeScript'],
] as const;

const APIS = [
  ['legacy', '/api'],
  ['v2', '/api/v2'],
] as const;

const STEPS = [
  ['execute', 'Execute Job'],
  ['status', 'Check Status'],
  ['limits', 'Rate Limits'],
] as const;

type Language = (typeof LANGUAGES)[number][0];

interface Props {
  workflow: WorkflowRow;
  saver: DraftSaver;
  /** Input of an earlier run, for the test panel. */
  input?: Json;
}

/** Code samples and a test panel for the live version. */
export function ApiTab({ workflow, ...rest }: Props) {
  const deployment = useDeployment(workflow.id);
  if (deployment.data && !deployment.data.isDeployed) {
    return <Empty title="Not deployed yet">Deploy the workflow to see the code that calls it.</Empty>;
  }
  return <DeployedApi workflow={workflow} {...rest} />;
}

function DeployedApi({ workflow, saver, input }: Props) {
  const [language, setLanguage] = useState<Language>('curl');
  const [selected, setSelected] = useStoredList(`outputs ${workflow.id}`);
  const shownKey = useLatestKey();
  const [step, setStep] = useState<string>('execute');
  const [sampleApi, setSampleApi] = useState<SampleApi>('legacy');
  const samples = useSamples(workflow.id, selected, sampleApi);
  if (samples.isPending) return <Skeleton rows={3} height="11rem" />;
  if (samples.isLoadingError) return <LoadError error={samples.error} onRetry={samples.refetch} />;
  const code = (mode: string, wanted = 'execute') => {
    const found = codeOf(samples.data, mode, wanted, language);
    return shownKey ? found.replaceAll(samples.data.maskedKey, shownKey) : found;
  };
  return (
    <div className={styles.tab}>
      <div className={styles.parts}>
        <section className={styles.part} aria-label="Language">
          <h3>Language</h3>
          <SegmentedControl label="Language" value={language} options={LANGUAGES} onChange={setLanguage} />
        </section>
        <section className={styles.part} aria-label="API version">
          <h3>API version</h3>
          <SegmentedControl label="API version" value={sampleApi} options={APIS} onChange={setSampleApi} />
        </section>
      </div>
      <SampleBlock title="Run workflow" code={code('sync')} />
      <SampleBlock
        title="Run workflow (stream response)"
        code={code('stream')}
        choice={
          <OutputMenu
            blocks={samples.data.outputs}
            selected={selected ?? samples.data.selectedOutputs}
            onChange={setSelected}
          />
        }
      />
      {!samples.data.isPublic && (
        <SampleBlock
          title="Run workflow (async)"
          code={code('async', step)}
          choice={
            <Select aria-label="Async step" value={step} onChange={(event) => setStep(event.target.value)}>
              {STEPS.map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </Select>
          }
        />
      )}
      <TryIt
        workflowId={workflow.id}
        saver={saver}
        selectedOutputs={selected ?? samples.data.selectedOutputs}
        input={input}
      />
    </div>
  );
}

/** Return the newest key that the user can see, masked: usually the one that they have just created. */
function useLatestKey(): string | undefined {
  const { workspace } = useSignedIn();
  const shared = useKeys('workspace', can(workspace.role, 'admin'));
  const own = useKeys('personal');
  const keys = [...(shared.data ?? []), ...(own.data ?? [])];
  return keys.sort((one, other) => one.createdAt.localeCompare(other.createdAt)).at(-1)?.displayKey;
}

function codeOf(samples: Samples, mode: string, step: string, language: Language): string {
  const found = samples.samples.find((one) => one.mode === mode && one.step === step && one.language === language);
  return found?.code ?? '';
}

interface OutputMenuProps {
  blocks: readonly SelectableBlock[];
  selected: readonly string[];
  onChange: (selected: string[]) => void;
}

/** Menu of the outputs to stream, grouped by block. */
export function OutputMenu({ blocks, selected, onChange }: OutputMenuProps) {
  const label = selected.length ? count(selected.length, 'output') : 'Select outputs';
  return (
    <Menu
      trigger={
        <Button aria-label={`Select outputs, ${count(selected.length, 'output')} selected`}>
          {label}
          <ChevronDown size={15} aria-hidden />
        </Button>
      }
    >
      {blocks.map((block) => (
        <MenuGroup
          key={block.blockId}
          label={
            <>
              <BlockIcon type={block.blockType} size={20} />
              {block.blockName}
            </>
          }
        >
          {block.outputs.map(({ path, selector }) => (
            <MenuCheckboxItem
              key={selector}
              checked={selected.includes(selector)}
              onChange={(on) => onChange(on ? [...selected, selector] : selected.filter((each) => each !== selector))}
            >
              {path}
            </MenuCheckboxItem>
          ))}
        </MenuGroup>
      ))}
    </Menu>
  );
}
