import { type FormEvent, useState } from 'react';
import { isStatus } from '@/api/errors';
import { type PausePoint, usePausePoints, useResume } from '@/api/pauses';
import { can, useSignedIn } from '@/api/session';
import { formatTimestamp } from '@/app/format';
import { FieldsForm, sampleOf } from '@/editor/input-form';
import { Button } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { CopyButton } from '@/ui/copy-button';
import fields from '@/ui/form.module.css';
import { InlineError, LoadError, Skeleton } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import { useUnsavedForm } from '@/ui/use-unsaved-form';
import type { Json } from '@/workflow/state';
import styles from './pause-points.module.css';

interface Props {
  workflowId: string;
  runId: string;
}

/** Pause points of a run, with the forms that resume it. */
export function PausePoints({ workflowId, runId }: Props) {
  const points = usePausePoints(workflowId, runId);
  if (points.isPending) return <Skeleton rows={2} />;
  if (points.isLoadingError) return <LoadError error={points.error} onRetry={points.refetch} />;
  return points.data.map((point) =>
    point.pauseKind === 'human' ? (
      <ResumeForm key={point.contextId} workflowId={workflowId} runId={runId} point={point} />
    ) : (
      <p key={point.contextId} className={styles.point}>
        {point.resumeAt ? `Resumes automatically at ${formatTimestamp(point.resumeAt)}.` : 'Resumes automatically.'}
      </p>
    ),
  );
}

function ResumeForm({ workflowId, runId, point }: Props & { point: PausePoint }) {
  const { workspace } = useSignedIn();
  const { notify, fail } = useToasts();
  const answer = useResume(workflowId, runId, point.contextId);
  const { responseStructure: shown = [], inputFormat: form = [] } = point.response?.data ?? {};
  const [sample] = useState(() => Object.fromEntries(form.map((field) => [field.name, sampleOf(field)])));
  const [values, setValues] = useState(sample);
  useUnsavedForm(values !== sample);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // Use toasts: the form disappears as soon as the run resumes, which can happen before this response arrives, or
    // because someone else has submitted the form.
    answer.mutateAsync(values).then(
      () => notify('Run resumed.'),
      (error) => (isStatus(error, 409) || isStatus(error, 404)) && fail(error),
    );
  };
  return (
    <div className={styles.point}>
      <p className={styles.since}>
        Waiting for input since {formatTimestamp(point.registeredAt)}.
        <CopyButton text={`${location.origin}/resume/${workflowId}/${runId}`} label="Copy link to this form" />
      </p>
      {shown.length > 0 && (
        <dl className={styles.shown}>
          {shown.map(({ name, value }) => (
            <Shown key={name} name={name} value={value} />
          ))}
        </dl>
      )}
      <form className={classNames(fields.form, styles.form)} onSubmit={submit}>
        <FieldsForm fields={form} value={values} onChange={setValues} />
        <InlineError error={answer.error} />
        <div>
          <Button variant="primary" type="submit" disabled={!can(workspace.role, 'write')} busy={answer.isPending}>
            {form.length ? 'Submit' : 'Resume'}
          </Button>
        </div>
      </form>
    </div>
  );
}

function Shown({ name, value }: { name: string; value: Json }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{typeof value === 'string' ? value : JSON.stringify(value, null, 2)}</dd>
    </>
  );
}
