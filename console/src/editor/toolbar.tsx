import { ChevronLeft, LayoutDashboard, Play, Plus, Redo2, Rocket, Undo2, Variable } from 'lucide-react';
import { Link } from 'wouter';
import { useSaveStatus } from '@/canvas/use-draft';
import { HelpLink } from '@/help/help-link';
import { Button, IconButton, Spinner } from '@/ui/button';
import { Tip } from '@/ui/tip';
import type { DraftSaver, SaveStatus } from '@/workflow/draft-saver';
import styles from './toolbar.module.css';

interface Props {
  name: string;
  saver: DraftSaver;
  readOnly: boolean;
  /** Status of the current draft run, null if none. */
  running: string | null;
  deployButton: DeployButtonProps;
  onAdd: () => void;
  onArrange: () => void;
  onVariables: () => void;
  onRun: () => void;
}

const STATUS: Record<SaveStatus, string> = {
  saved: 'Saved',
  waiting: 'Not saved yet',
  saving: 'Saving…',
  failed: 'Not saved',
  stale: 'Not saved',
};

export function Toolbar({ name, saver, readOnly, running, deployButton, onAdd, onArrange, onVariables, onRun }: Props) {
  const status = useSaveStatus(saver);
  const { store } = saver;
  return (
    <header className={styles.toolbar}>
      <div className={styles.where}>
        <Link href="/" className={styles.back} aria-label="All workflows">
          <ChevronLeft size={18} aria-hidden />
        </Link>
        <h1 className={styles.name}>{name}</h1>
        <span className={styles.status} data-status={status} role="status">
          {readOnly ? 'Read-only' : STATUS[status]}
        </span>
      </div>
      <div className={styles.tools}>
        {!readOnly && (
          <>
            <Button icon={<Plus size={16} aria-hidden />} onClick={onAdd} aria-keyshortcuts="/">
              <span className={styles.text}>Add block</span>
            </Button>
            <IconButton label="Undo (Ctrl Z)" disabled={!store.canUndo} onClick={() => store.undo()}>
              <Undo2 size={16} aria-hidden />
            </IconButton>
            <IconButton label="Redo (Ctrl Shift Z)" disabled={!store.canRedo} onClick={() => store.redo()}>
              <Redo2 size={16} aria-hidden />
            </IconButton>
            <IconButton className={styles.spare} label="Arrange (Shift L)" onClick={onArrange}>
              <LayoutDashboard size={16} aria-hidden />
            </IconButton>
            <IconButton className={styles.spare} label="Variables" onClick={onVariables}>
              <Variable size={16} aria-hidden />
            </IconButton>
          </>
        )}
        <HelpLink topic="editor" />
        <DeployButton {...deployButton} />
        {/* Not disabled during a run: the button reopens the panel that can stop it. */}
        <Button
          variant="primary"
          icon={running ? <Spinner /> : <Play size={15} fill="currentcolor" aria-hidden />}
          aria-busy={running !== null || undefined}
          onClick={onRun}
        >
          {running ?? 'Run'}
        </Button>
      </div>
    </header>
  );
}

export interface DeployButtonProps {
  state: 'empty' | 'forbidden' | 'undeployed' | 'live' | 'changed';
  busy: boolean;
  onOpen: () => void;
  onUpdate: () => void;
}

const DEPLOY = {
  empty: ['Deploy', 'Cannot deploy an empty workflow'],
  forbidden: ['Deploy', 'Admin permissions required'],
  undeployed: ['Deploy', 'Deploy workflow'],
  live: ['Live', 'Active deployment'],
  changed: ['Update', 'Update deployment'],
} as const;

/** Button that opens the Deploy window, or deploys immediately if the draft has unpublished changes. */
function DeployButton({ state, busy, onOpen, onUpdate }: DeployButtonProps) {
  const [label, tip] = DEPLOY[state];
  const off = state === 'empty' || state === 'forbidden';
  return (
    <>
      <Tip text={busy ? 'Deploying…' : tip}>
        <span>
          <Button
            className={styles.deploy}
            data-state={state}
            busy={busy}
            disabled={off}
            onClick={state === 'changed' ? onUpdate : onOpen}
          >
            {state === 'live' && <span className={styles.dot} aria-hidden />}
            {label}
          </Button>
        </span>
      </Tip>
      {state === 'changed' && (
        <IconButton label="Deployment" onClick={onOpen}>
          <Rocket size={16} aria-hidden />
        </IconButton>
      )}
    </>
  );
}
