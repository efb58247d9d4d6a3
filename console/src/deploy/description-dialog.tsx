import { useState } from 'react';
import { useChangeVersion, type VersionRow } from '@/api/deployments';
import { can, useSignedIn } from '@/api/session';
import { Button } from '@/ui/button';
import { Field, TextArea } from '@/ui/field';
import { Problem } from '@/ui/states';
import { GuardedDialog } from './guarded-dialog';

interface Props {
  workflowId: string;
  version: VersionRow;
  onClose: () => void;
}

const LONGEST = 2000;

export function DescriptionDialog({ workflowId, version, onClose }: Props) {
  const { workspace } = useSignedIn();
  const change = useChangeVersion(workflowId);
  const [text, setText] = useState(version.description ?? '');
  const dirty = text !== (version.description ?? '');
  const save = () =>
    change.mutate({ version: version.version, change: { description: text.trim() || null } }, { onSuccess: onClose });
  return (
    <GuardedDialog
      title="Version Description"
      dirty={dirty}
      onClose={onClose}
      footer={(close) => (
        <>
          <Button onClick={close}>Cancel</Button>
          <Button
            look="primary"
            disabled={!dirty || !can(workspace.role, 'write')}
            busy={change.isPending}
            onClick={save}
          >
            Save
          </Button>
        </>
      )}
    >
      <Field label={`What changed in ${version.name ?? `v${version.version}`}`}>
        {(control) => (
          <TextArea
            {...control}
            rows={6}
            maxLength={LONGEST}
            placeholder="Describe the changes in this deployment version..."
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      <Problem error={change.error} />
    </GuardedDialog>
  );
}
