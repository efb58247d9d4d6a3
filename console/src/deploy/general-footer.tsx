import { type ComponentProps, useEffect, useRef, useState } from 'react';
import { isRefusedDraft, useDeploy, useUndeploy } from '@/api/deployments';
import type { Gate } from '@/api/replays';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { CheckDialog } from '@/replays/check-dialog';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { Badge, InlineError } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import type { DraftSaver } from '@/workflow/draft-saver';
import styles from './general-footer.module.css';

interface Props {
  workflow: WorkflowRow;
  saver: DraftSaver;
  /** Keys of the accepted warnings. */
  accepted: readonly string[];
}

const REFUSED = 'Fix the draft problems above, or accept the warnings, then deploy again.';

/** Deployment status and actions: deploy, update, undeploy. */
export function GeneralFooter({ workflow, saver, accepted }: Props) {
  const { workspace } = useSignedIn();
  const { notify, fail } = useToasts();
  const deployment = useDeployment(workflow.id);
  const deploy = useDeploy(workflow.id, saver);
  const undeploy = useUndeploy(workflow.id);
  const [openDialog, setOpenDialog] = useState<'undeploy' | 'redeploy' | 'check' | null>(null);
  const isMounted = useRef(false);
  useEffect(() => {
    isMounted.current = true;
    return () => {
      isMounted.current = false;
    };
  }, []);
  const close = () => setOpenDialog(null);
  const isAdmin = can(workspace.role, 'admin');
  const live = deployment.data?.isDeployed ? deployment.data : null;
  const changed = live?.needsRedeployment ?? false;

  const publish = () => {
    close();
    // A promise instead of mutation callbacks, which do not run if the window is closed before the response.
    deploy.mutateAsync({ accepted }).then(
      ({ activeDeployment }) => notify(`Version ${activeDeployment?.version} is live.`),
      (error) => isMounted.current || fail(error),
    );
  };
  const publishChecked = async (gate: Gate) => {
    const { activeDeployment } = await deploy.mutateAsync({ accepted, gate });
    notify(`Version ${activeDeployment?.version} is live.`);
  };
  const update: ComponentProps<typeof Button>['onClick'] = () => (changed ? publish() : setOpenDialog('redeploy'));

  return (
    <>
      <div className={styles.standing}>
        {live && (
          <Badge tone={changed ? 'amber' : 'green'} dot>
            {changed ? 'Update deployment' : 'Live'}
          </Badge>
        )}
        <InlineError error={isRefusedDraft(deploy.error) ? REFUSED : deploy.error} />
      </div>
      {live ? (
        <>
          <Button disabled={!isAdmin} busy={undeploy.isPending} onClick={() => setOpenDialog('undeploy')}>
            {undeploy.isPending ? 'Undeploying…' : 'Undeploy'}
          </Button>
          <Button disabled={!can(workspace.role, 'write')} onClick={() => setOpenDialog('check')}>
            Check
          </Button>
          <Button
            variant={changed ? 'primary' : 'secondary'}
            disabled={!isAdmin}
            busy={deploy.isPending}
            onClick={update}
          >
            {deploy.isPending ? 'Updating…' : 'Update'}
          </Button>
        </>
      ) : (
        <Button variant="primary" disabled={!isAdmin} busy={deploy.isPending} onClick={publish}>
          {deploy.isPending ? 'Deploying…' : 'Deploy'}
        </Button>
      )}
      {openDialog === 'check' && (
        <CheckDialog
          workflowId={workflow.id}
          title="Check the draft"
          target={{ draft: true }}
          prepare={() => saver.ensureCurrent()}
          publish={{ action: 'Deploy', run: publishChecked }}
          onClose={close}
        />
      )}
      <Confirm
        title="Undeploy API"
        question="Calls to this workflow will be rejected until you deploy it again. This does not delete any versions."
        action="Undeploy"
        busy={undeploy.isPending}
        open={openDialog === 'undeploy'}
        onClose={close}
        onConfirm={() => undeploy.mutate(undefined, { onError: fail, onSettled: close })}
      />
      <Confirm
        title="Deploy without changes?"
        question="The draft is identical to the live version. Deploying creates another version with the same content."
        action="Deploy anyway"
        variant="primary"
        open={openDialog === 'redeploy'}
        onClose={close}
        onConfirm={publish}
      />
    </>
  );
}
