import { useState } from 'react';
import { useSetAccess } from '@/api/deployments';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, useUpdateWorkflow, type WorkflowRow } from '@/api/workflows';
import { type InputField, inputFields, startOf } from '@/editor/input-form';
import { Field, TextArea, TextInput } from '@/ui/field';
import form from '@/ui/form.module.css';
import { FormDialog } from '@/ui/form-dialog';
import { SegmentedControl } from '@/ui/segmented-control';
import type { DraftSaver } from '@/workflow/draft-saver';
import { setValue } from '@/workflow/edit';
import { type Json, listOf, storedValue } from '@/workflow/state';

interface Props {
  workflow: WorkflowRow;
  saver: DraftSaver;
  onClose: () => void;
}

const ACCESS = [
  ['key', 'API Key'],
  ['public', 'Public'],
] as const;

/** Dialog for the description, access and parameters of the API. */
export function ApiInfoDialog({ workflow, saver, onClose }: Props) {
  const { workspace } = useSignedIn();
  const deployment = useDeployment(workflow.id);
  const update = useUpdateWorkflow(workflow.id);
  const setAccess = useSetAccess(workflow.id);
  const stored = deployment.data?.isPublicApi ? 'public' : 'key';
  const fields = inputFields(saver.store.state());
  const [description, setDescription] = useState(workflow.description);
  const [access, setAccessChoice] = useState<'key' | 'public'>(stored);
  const [notes, setNotes] = useState(() => new Map(fields.map((field) => [field.name, field.description ?? ''])));
  const notesChanged = fields.some((field) => (field.description ?? '') !== notes.get(field.name));
  const dirty = description !== workflow.description || access !== stored || notesChanged;

  const saving = update.isPending || setAccess.isPending;

  const save = async () => {
    try {
      if (description !== workflow.description) await update.mutateAsync({ description });
      if (access !== stored) await setAccess.mutateAsync(access === 'public');
      if (notesChanged) describeFields(saver, notes);
      await saver.flush();
      onClose();
    } catch {
      // The dialog shows the error.
    }
  };

  return (
    <FormDialog
      title="Edit API Info"
      action={saving ? 'Saving…' : 'Save'}
      dirty={dirty}
      disabled={!dirty}
      busy={saving}
      error={update.error ?? setAccess.error}
      onSubmit={() => void save()}
      onClose={onClose}
    >
      <Field label="Description">
        {(control) => (
          <TextArea
            {...control}
            autoFocus
            rows={4}
            maxLength={2000}
            placeholder="Describe what this workflow API does..."
            value={description}
            onChange={(event) => setDescription(event.target.value)}
          />
        )}
      </Field>
      {can(workspace.role, 'admin') && (
        <div className={form.part}>
          <span className={form.label}>Access</span>
          <SegmentedControl label="Access" value={access} options={ACCESS} onChange={setAccessChoice} />
          <p className={form.hint}>
            {access === 'key'
              ? 'Requires a valid API key to call this endpoint.'
              : 'Anyone with the URL can call this endpoint. Usage is charged to this workspace.'}
          </p>
        </div>
      )}
      {fields.length > 0 && (
        <fieldset className={form.part}>
          <legend className={form.label}>Parameters</legend>
          {fields.map((field) => (
            <Field key={field.name} label={`${field.name} (${field.type})`}>
              {(control) => (
                <TextInput
                  {...control}
                  placeholder="Describe this parameter"
                  value={notes.get(field.name) ?? ''}
                  onChange={(event) => setNotes(new Map(notes).set(field.name, event.target.value))}
                />
              )}
            </Field>
          ))}
          <p className={form.hint}>Parameter descriptions are part of the draft. They go live with the next update.</p>
        </fieldset>
      )}
    </FormDialog>
  );
}

function describeFields(saver: DraftSaver, notes: ReadonlyMap<string, string>): void {
  saver.store.edit((state) => {
    const start = startOf(state);
    if (!start) return state;
    const described = listOf<InputField>(storedValue(start, 'inputFormat')).map((field) => ({
      ...field,
      description: notes.get(field.name) ?? field.description,
    }));
    return setValue(state, start.id, 'inputFormat', 'input-format', described as unknown as Json);
  });
}
