import { type FormEvent, useState } from 'react';
import { isStatus } from '@/api/errors';
import { type PausePoint, useAnswer, usePausePoints } from '@/api/pauses';
import { can, useSignedIn } from '@/api/session';
import { exactMoment } from '@/app/format';
import { FieldsForm, sampleOf } from '@/editor/input-form';
import { Button } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { CopyButton } from '@/ui/copy-button';
import fields from '@/ui/form.module.css';
import { Failure, Problem, Skeleton } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import { useUnsaved } from '@/ui/use-unsaved';
import type { Json } from '@/workflow/state';
import styles from './answer.module.css';

interface Props {
  workflowId: string;
  runId: string;
}

/** What a paused run waits for, and the forms that let it go on. */
export function Answers({ workflowId, runId }: Props) {
  const points = usePausePoints(workflowId, runId);
  if (points.isPending) return <Skeleton rows={2} />;
  if (points.isLoadingError) return <Failure error={points.error} onRetry={points.refetch} />;
  return points.data.map((point) =>
    point.pauseKind === 'human' ? (
      <Question key={point.contextId} workflowId={workflowId} runId={runId} point={point} />
    ) : (
      <p key={point.contextId} className={styles.point}>
        {point.resumeAt ? `It goes on by itself at ${exactMoment(point.resumeAt)}.` : 'It goes on by itself.'}
      </p>
    ),
  );
}

function Question({ workflowId, runId, point }: Props & { point: PausePoint }) {
  const { workspace } = useSignedIn();
  const { say, fail } = useToasts();
  const answer = useAnswer(workflowId, runId, point.contextId);
  const { responseStructure: shown = [], inputFormat: form = [] } = point.response?.data ?? {};
  const [sample] = useState(() => Object.fromEntries(form.map((field) => [field.name, sampleOf(field)])));
  const [values, setValues] = useState(sample);
  useUnsaved(values !== sample);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // Said even where the form has gone meanwhile: the run may be seen to go on before its answer is answered. And with
    // somebody else's answer the form goes before what it shows can be read.
    answer.mutateAsync(values).then(
      () => say('The run goes on.'),
      (error) => (isStatus(error, 409) || isStatus(error, 404)) && fail(error),
    );
  };
  return (
    <div className={styles.point}>
      <p className={styles.since}>
        Somebody is asked for an answer, since {exactMoment(point.registeredAt)}.
        <CopyButton text={`${location.origin}/resume/${workflowId}/${runId}`} label="Copy the link to this question" />
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
        <Problem error={answer.error} />
        <div>
          <Button look="primary" type="submit" disabled={!can(workspace.role, 'write')} busy={answer.isPending}>
            {form.length ? 'Send answer' : 'Let it go on'}
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
