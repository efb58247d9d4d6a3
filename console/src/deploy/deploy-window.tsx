import { useState } from 'react';
import type { VersionRow } from '@/api/deployments';
import { can, useSignedIn } from '@/api/session';
import type { WorkflowRow } from '@/api/workflows';
import type { TopicName } from '@/help/topics';
import { Dialog } from '@/ui/dialog';
import { PersistentTabPanel, Tab, TabList, TabPanel, Tabs } from '@/ui/tabs';
import type { DraftSaver } from '@/workflow/draft-saver';
import type { Json } from '@/workflow/state';
import { A2aFooter } from './a2a-footer';
import { A2aTab } from './a2a-tab';
import { ApiFooter } from './api-footer';
import { ApiTab } from './api-tab';
import { ChatFooter } from './chat-footer';
import { ChatTab } from './chat-tab';
import styles from './deploy-window.module.css';
import { GeneralFooter } from './general-footer';
import { GeneralTab } from './general-tab';
import { McpFooter } from './mcp-footer';
import { McpTab } from './mcp-tab';
import type { Acceptance } from './problem-list';
import { RecordingFooter } from './recording-footer';
import { RecordingTab } from './recording-tab';

interface Props extends Acceptance {
  workflow: WorkflowRow;
  saver: DraftSaver;
  /** Tab to open first. */
  firstTab: TabName;
  /** Input of an earlier run, for Try it. */
  input?: Json;
  onClose: () => void;
  onEditBlock: (id: string) => void;
  /** Called when a version replaced the stored draft. */
  onLoaded: (version: VersionRow) => Promise<void>;
}

type TabName = 'general' | 'api' | 'mcp' | 'a2a' | 'chat' | 'recording';

const HELP: Record<TabName, TopicName> = {
  general: 'deploy',
  api: 'api',
  mcp: 'mcp',
  a2a: 'a2a',
  chat: 'chat',
  recording: 'recording',
};

/** Deploy window: versions, API, MCP, A2A, chat and recording. */
export function DeployWindow(props: Props) {
  const { workflow, saver, firstTab, input, onClose, accepted, ...rest } = props;
  const { workspace } = useSignedIn();
  const isAdmin = can(workspace.role, 'admin');
  const [tab, setTab] = useState<TabName>(firstTab);
  return (
    <Tabs value={tab} onValueChange={(next) => setTab(next as TabName)} asChild>
      <div>
        <Dialog
          title="Workflow Deployment"
          size="l"
          help={HELP[tab]}
          open
          onClose={onClose}
          head={
            <TabList label="Deployment">
              <Tab value="general">General</Tab>
              <Tab value="api">API</Tab>
              <Tab value="mcp">MCP</Tab>
              <Tab value="a2a">A2A</Tab>
              <Tab value="chat">Chat</Tab>
              <Tab value="recording">Recording</Tab>
            </TabList>
          }
          footer={
            <>
              {!isAdmin && tab !== 'api' && <p className={styles.note}>Admin permissions required</p>}
              {
                {
                  general: <GeneralFooter workflow={workflow} saver={saver} accepted={accepted} />,
                  api: <ApiFooter workflow={workflow} saver={saver} />,
                  mcp: <McpFooter workflow={workflow} />,
                  a2a: <A2aFooter workflow={workflow} />,
                  chat: <ChatFooter workflow={workflow} />,
                  recording: <RecordingFooter workflow={workflow} />,
                }[tab]
              }
            </>
          }
        >
          <TabPanel value="general" tabIndex={-1}>
            <GeneralTab workflow={workflow} saver={saver} accepted={accepted} {...rest} />
          </TabPanel>
          <PersistentTabPanel value="api" isOpen={tab === 'api'}>
            <ApiTab workflow={workflow} saver={saver} input={input} />
          </PersistentTabPanel>
          <PersistentTabPanel value="mcp" isOpen={tab === 'mcp'}>
            <McpTab workflow={workflow} />
          </PersistentTabPanel>
          <PersistentTabPanel value="a2a" isOpen={tab === 'a2a'}>
            <A2aTab workflow={workflow} />
          </PersistentTabPanel>
          <PersistentTabPanel value="chat" isOpen={tab === 'chat'}>
            <ChatTab workflow={workflow} />
          </PersistentTabPanel>
          <PersistentTabPanel value="recording" isOpen={tab === 'recording'}>
            <RecordingTab workflow={workflow} />
          </PersistentTabPanel>
        </Dialog>
      </div>
    </Tabs>
  );
}
