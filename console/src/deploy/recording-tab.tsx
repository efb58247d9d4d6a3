import type { FormEvent } from 'react';
import { ApiError } from '@/api/errors';
import { type RecordingPolicy, useSetRecording } from '@/api/recordings';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { Switch } from '@/panel/switch';
import { ButtonLink } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { Field, TextInput } from '@/ui/field';
import form from '@/ui/form.module.css';
import { useFormDraft } from '@/ui/form-drafts';
import list from '@/ui/list.module.css';
import { InlineError, LoadError, Skeleton } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import styles from './recording-tab.module.css';

export const RECORDING_FORM = 'recording-form';

const DEFAULT: RecordingPolicy = { sample: 0.1, failures: true, days: 7 };

/** Form that turns recording on or off. */
export function RecordingTab({ workflow }: { workflow: WorkflowRow }) {
  const { workspace } = useSignedIn();
  const deployment = useDeployment(workflow.id);
  if (deployment.isLoadingError) return <LoadError error={deployment.error} onRetry={deployment.refetch} />;
  if (deployment.isPending) return <Skeleton rows={4} />;
  const { recording, storeInputsAndOutputs } = deployment.data;
  return (
    <div className={styles.tab}>
      <ul className={classNames(list.list, styles.facts)}>
        <li>A recording stores the exact input and output of a run and of each of its blocks, encrypted.</li>
        <li>Members and API keys with write permission can read recordings. The audit log lists each reading.</li>
        <li>
          Recordings are deleted after the days below, with the workflow, or one by one. Turning recording off keeps the
          existing ones until then.
        </li>
        <li>
          Secrets of the environment are stored by name. Other secrets in inputs and outputs are stored as they are.
        </li>
      </ul>
      {storeInputsAndOutputs ? (
        <RecordingForm
          workflow={workflow}
          stored={(recording ?? null) as RecordingPolicy | null}
          disabled={!can(workspace.role, 'admin')}
        />
      ) : (
        <p className={form.hint}>This workflow does not store inputs and outputs, so its runs cannot be recorded.</p>
      )}
      {can(workspace.role, 'write') && (
        <div className={styles.links}>
          <ButtonLink href={`/workflows/${workflow.id}/recordings`}>View recordings</ButtonLink>
          <ButtonLink href={`/workflows/${workflow.id}/replays`}>View replays</ButtonLink>
        </div>
      )}
    </div>
  );
}

interface FormProps {
  workflow: WorkflowRow;
  stored: RecordingPolicy | null;
  disabled: boolean;
}

function RecordingForm({ workflow, stored, disabled }: FormProps) {
  const { notify } = useToasts();
  const save = useSetRecording(workflow.id);
  const policy = stored ?? DEFAULT;
  const { fields, update, markSaved } = useFormDraft('recording', {
    isOn: stored !== null,
    percent: String(Number((policy.sample * 100).toFixed(4))),
    failures: policy.failures,
    days: String(policy.days),
  });
  const problems = problemsOf(save.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const { isOn, percent, failures, days } = fields;
    const wanted = isOn ? { sample: Number(percent) / 100, failures, days: Number(days) } : null;
    save.mutate(wanted, {
      onSuccess: () => {
        markSaved(fields);
        notify(isOn ? 'Recording is on.' : 'Recording is off.');
      },
    });
  };
  return (
    <form id={RECORDING_FORM} className={form.form} onSubmit={submit}>
      <Switch label="Record runs" checked={fields.isOn} disabled={disabled} onChange={(isOn) => update({ isOn })} />
      {fields.isOn && (
        <>
          <Field label="Share of runs (%)" hint="Runs of the draft are not recorded." error={problems.sample}>
            {(control) => (
              <TextInput
                {...control}
                type="number"
                required
                min={0}
                max={100}
                step="any"
                disabled={disabled}
                value={fields.percent}
                onChange={(event) => update({ percent: event.target.value })}
              />
            )}
          </Field>
          <Switch
            label="Record every failed run"
            checked={fields.failures}
            disabled={disabled}
            onChange={(failures) => update({ failures })}
          />
          <Field label="Days to keep" hint="At most the log retention of your plan." error={problems.days}>
            {(control) => (
              <TextInput
                {...control}
                type="number"
                required
                min={1}
                disabled={disabled}
                value={fields.days}
                onChange={(event) => update({ days: event.target.value })}
              />
            )}
          </Field>
        </>
      )}
      <InlineError error={problems.other} />
    </form>
  );
}

interface Problems {
  sample?: string;
  days?: string;
  other?: unknown;
}

/** Return the problem of each field of a refused request, and other errors. */
function problemsOf(error: unknown): Problems {
  if (!(error instanceof ApiError)) return { other: error };
  const found: Problems = {};
  const texts = error.details.length
    ? error.details.map(({ path, message }) => [String(path), message ?? error.message] as const)
    : [[error.message, error.message] as const];
  for (const [about, text] of texts) {
    if (about.includes('days')) found.days = text;
    else if (about.includes('sample')) found.sample = text;
    else found.other = error;
  }
  return found;
}
