import { type ComponentProps, useEffect, useRef, useState } from 'react';
import { liveNote, useDeploy, useUndeploy } from '@/api/deployments';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { Badge, Problem } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import type { DraftSaver } from '@/workflow/draft-saver';
import styles from './general-footer.module.css';

/** How the deployment stands, and the way in and out of it. */
export function GeneralFooter({ workflow, saver }: { workflow: WorkflowRow; saver: DraftSaver }) {
  const { workspace } = useSignedIn();
  const { say, fail } = useToasts();
  const deployment = useDeployment(workflow.id);
  const deploy = useDeploy(workflow.id, saver);
  const undeploy = useUndeploy(workflow.id);
  const [asked, setAsked] = useState<'undeploy' | 'again' | null>(null);
  const isHere = useRef(false);
  useEffect(() => {
    isHere.current = true;
    return () => {
      isHere.current = false;
    };
  }, []);
  const close = () => setAsked(null);
  const isAdmin = can(workspace.role, 'admin');
  const live = deployment.data?.isDeployed ? deployment.data : null;
  const changed = live?.needsRedeployment ?? false;

  const publish = () => {
    close();
    // Told, too, where the window was closed meanwhile.
    deploy.mutateAsync().then(
      ({ activeDeployment, warnings }) => say(liveNote(`Version ${activeDeployment?.version}`, warnings)),
      (error) => isHere.current || fail(error),
    );
  };
  const update: ComponentProps<typeof Button>['onClick'] = () => (changed ? publish() : setAsked('again'));

  return (
    <>
      <div className={styles.standing}>
        {live && (
          <Badge tone={changed ? 'amber' : 'green'} dot>
            {changed ? 'Update deployment' : 'Live'}
          </Badge>
        )}
        <Problem error={deploy.error} />
      </div>
      {live ? (
        <>
          <Button disabled={!isAdmin} busy={undeploy.isPending} onClick={() => setAsked('undeploy')}>
            {undeploy.isPending ? 'Undeploying…' : 'Undeploy'}
          </Button>
          <Button look={changed ? 'primary' : 'secondary'} disabled={!isAdmin} busy={deploy.isPending} onClick={update}>
            {deploy.isPending ? 'Updating…' : 'Update'}
          </Button>
        </>
      ) : (
        <Button look="primary" disabled={!isAdmin} busy={deploy.isPending} onClick={publish}>
          {deploy.isPending ? 'Deploying…' : 'Deploy'}
        </Button>
      )}
      <Confirm
        title="Undeploy API"
        question="Calls to this workflow are refused until it is deployed again. Its versions stay."
        action="Undeploy"
        busy={undeploy.isPending}
        open={asked === 'undeploy'}
        onClose={close}
        onConfirm={() => undeploy.mutate(undefined, { onError: fail, onSettled: close })}
      />
      <Confirm
        title="Deploy without a change?"
        question="The draft is what is live already. This records one more version of the same."
        action="Deploy anyway"
        look="primary"
        open={asked === 'again'}
        onClose={close}
        onConfirm={publish}
      />
    </>
  );
}
