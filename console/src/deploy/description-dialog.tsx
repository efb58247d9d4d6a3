import { useState } from 'react';
import { useUpdateVersion, type VersionRow } from '@/api/deployments';
import { can, useSignedIn } from '@/api/session';
import { Field, TextArea } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';

interface Props {
  workflowId: string;
  version: VersionRow;
  onClose: () => void;
}

const MAX_LENGTH = 2000;

export function DescriptionDialog({ workflowId, version, onClose }: Props) {
  const { workspace } = useSignedIn();
  const change = useUpdateVersion(workflowId);
  const [text, setText] = useState(version.description ?? '');
  const dirty = text !== (version.description ?? '');
  const save = () =>
    change.mutate({ version: version.version, change: { description: text.trim() || null } }, { onSuccess: onClose });
  return (
    <FormDialog
      title="Version Description"
      action="Save"
      dirty={dirty}
      disabled={!dirty || !can(workspace.role, 'write')}
      busy={change.isPending}
      error={change.error}
      onSubmit={save}
      onClose={onClose}
    >
      <Field label={`What changed in ${version.name ?? `v${version.version}`}`}>
        {(control) => (
          <TextArea
            {...control}
            autoFocus
            rows={6}
            maxLength={MAX_LENGTH}
            placeholder="Describe the changes in this deployment version..."
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
    </FormDialog>
  );
}
