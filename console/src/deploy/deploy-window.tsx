import { type ComponentProps, useState } from 'react';
import { useChat, useDeleteChat } from '@/api/chat';
import { useDeploy, useUndeploy } from '@/api/deployments';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { Button } from '@/ui/button';
import { Confirm, Dialog } from '@/ui/dialog';
import { Badge, Problem } from '@/ui/states';
import { Tab, TabList, TabPanel, Tabs } from '@/ui/tabs';
import { useToasts } from '@/ui/toasts';
import type { DraftSaver } from '@/workflow/draft-saver';
import { ApiInfoDialog } from './api-info-dialog';
import { ApiTab } from './api-tab';
import { CHAT_FORM, ChatTab } from './chat-tab';
import styles from './deploy-window.module.css';
import { GeneralTab } from './general-tab';
import { NewKeyDialog } from './new-key-dialog';

interface Props {
  workflow: WorkflowRow;
  saver: DraftSaver;
  onClose: () => void;
  /** The draft was replaced by a version. */
  onLoaded: () => void;
}

type TabName = 'general' | 'api' | 'chat';

/** Everything about the way from the draft to the public. */
export function DeployWindow({ workflow, saver, onClose, onLoaded }: Props) {
  const [tab, setTab] = useState<TabName>('general');
  return (
    <Tabs value={tab} onValueChange={(next) => setTab(next as TabName)} asChild>
      <div>
        <Dialog
          title="Workflow Deployment"
          size="l"
          open
          onClose={onClose}
          head={
            <TabList label="Deployment">
              <Tab value="general">General</Tab>
              <Tab value="api">API</Tab>
              <Tab value="chat">Chat</Tab>
            </TabList>
          }
          footer={
            {
              general: <GeneralFooter workflow={workflow} saver={saver} />,
              api: <ApiFooter workflow={workflow} saver={saver} />,
              chat: <ChatFooter workflow={workflow} />,
            }[tab]
          }
        >
          <TabPanel value="general" tabIndex={-1}>
            <GeneralTab workflow={workflow} saver={saver} onLoaded={onLoaded} />
          </TabPanel>
          <TabPanel value="api" tabIndex={-1}>
            <ApiTab workflow={workflow} saver={saver} />
          </TabPanel>
          <TabPanel value="chat" tabIndex={-1}>
            <ChatTab workflow={workflow} />
          </TabPanel>
        </Dialog>
      </div>
    </Tabs>
  );
}

function GeneralFooter({ workflow, saver }: { workflow: WorkflowRow; saver: DraftSaver }) {
  const { workspace } = useSignedIn();
  const { say, fail } = useToasts();
  const deployment = useDeployment(workflow.id);
  const deploy = useDeploy(workflow.id);
  const undeploy = useUndeploy(workflow.id);
  const [asked, setAsked] = useState<'undeploy' | 'again' | null>(null);
  const close = () => setAsked(null);
  const isAdmin = can(workspace.role, 'admin');
  const live = deployment.data?.isDeployed ? deployment.data : null;
  const changed = live?.needsRedeployment ?? false;

  const publish = async () => {
    close();
    await saver.flush();
    deploy.mutate(undefined, {
      onSuccess: (made) => {
        say(`Version ${made.activeDeployment?.version} is live.`);
        for (const warning of made.warnings ?? []) say(warning);
      },
    });
  };
  const update: ComponentProps<typeof Button>['onClick'] = () => (changed ? void publish() : setAsked('again'));

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
        <Button look="primary" disabled={!isAdmin} busy={deploy.isPending} onClick={() => void publish()}>
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
        onConfirm={() => void publish()}
      />
    </>
  );
}

function ApiFooter({ workflow, saver }: { workflow: WorkflowRow; saver: DraftSaver }) {
  const { workspace } = useSignedIn();
  const [open, setOpen] = useState<'info' | 'key' | null>(null);
  return (
    <>
      <Button disabled={!can(workspace.role, 'write')} onClick={() => setOpen('info')}>
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

function ChatFooter({ workflow }: { workflow: WorkflowRow }) {
  const { workspace } = useSignedIn();
  const { say, fail } = useToasts();
  const deployment = useDeployment(workflow.id);
  const chat = useChat(workflow.id);
  const remove = useDeleteChat(workflow.id);
  const [asked, setAsked] = useState(false);
  const mayNot = !can(workspace.role, 'admin') || !deployment.data?.isDeployed;
  return (
    <>
      {chat.data && (
        <Button disabled={mayNot} onClick={() => setAsked(true)}>
          Delete
        </Button>
      )}
      <Button look="primary" type="submit" form={CHAT_FORM} disabled={mayNot}>
        {chat.data ? 'Update' : 'Launch Chat'}
      </Button>
      <Confirm
        title="Delete this chat?"
        question="Its address answers nobody any more. The workflow stays as it is."
        action="Delete"
        busy={remove.isPending}
        open={asked}
        onClose={() => setAsked(false)}
        onConfirm={() =>
          chat.data &&
          remove.mutate(chat.data.id, {
            onSuccess: () => say('The chat is deleted.'),
            onError: fail,
            onSettled: () => setAsked(false),
          })
        }
      />
    </>
  );
}
