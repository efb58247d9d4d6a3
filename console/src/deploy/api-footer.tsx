import { useState } from 'react';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { Button } from '@/ui/button';
import type { DraftSaver } from '@/workflow/draft-saver';
import { ApiInfoDialog } from './api-info-dialog';
import { NewKeyDialog } from './new-key-dialog';

/** Actions of the API tab. */
export function ApiFooter({ workflow, saver }: { workflow: WorkflowRow; saver: DraftSaver }) {
  const { workspace } = useSignedIn();
  const deployment = useDeployment(workflow.id);
  const [open, setOpen] = useState<'info' | 'key' | null>(null);
  return (
    <>
      {/* Disabled until the deployment has loaded: the form would start with the wrong access. */}
      <Button disabled={!can(workspace.role, 'write') || !deployment.data} onClick={() => setOpen('info')}>
        Edit API Info
      </Button>
      <Button variant="primary" onClick={() => setOpen('key')}>
        Generate API Key
      </Button>
      {open === 'info' && <ApiInfoDialog workflow={workflow} saver={saver} onClose={() => setOpen(null)} />}
      {open === 'key' && <NewKeyDialog onClose={() => setOpen(null)} />}
    </>
  );
}
