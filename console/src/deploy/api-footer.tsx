import { useState } from 'react';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { Button } from '@/ui/button';
import type { DraftSaver } from '@/workflow/draft-saver';
import { ApiInfoDialog } from './api-info-dialog';
import { NewKeyDialog } from './new-key-dialog';

/** What can be changed about the API. */
export function ApiFooter({ workflow, saver }: { workflow: WorkflowRow; saver: DraftSaver }) {
  const { workspace } = useSignedIn();
  const deployment = useDeployment(workflow.id);
  const [open, setOpen] = useState<'info' | 'key' | null>(null);
  return (
    <>
      {/* Not before one knows who may call: the form would begin with a choice that nobody made. */}
      <Button disabled={!can(workspace.role, 'write') || !deployment.data} onClick={() => setOpen('info')}>
        Edit API Info
      </Button>
      <Button look="primary" onClick={() => setOpen('key')}>
        Generate API Key
      </Button>
      {open === 'info' && <ApiInfoDialog workflow={workflow} saver={saver} onClose={() => setOpen(null)} />}
      {open === 'key' && <NewKeyDialog onClose={() => setOpen(null)} />}
    </>
  );
}
