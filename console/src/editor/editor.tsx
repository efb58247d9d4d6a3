import { type KeyboardEvent, lazy, Suspense, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { useCatalog } from '@/api/catalog';
import { isRefusedDraft, useDeploy, type VersionRow, versionTitle } from '@/api/deployments';
import { useSecrets } from '@/api/environment';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { useCommands } from '@/app/commands';
import { blockElement } from '@/canvas/block-element';
import { Canvas } from '@/canvas/canvas';
import layout from '@/canvas/canvas-page.module.css';
import type { Marks } from '@/canvas/graph-of';
import { useDraftState } from '@/canvas/use-draft';
import { BlockPanel } from '@/panel/block-panel';
import { Button } from '@/ui/button';
import { ErrorBoundary } from '@/ui/error-boundary';
import { Empty } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import { useStoredList } from '@/ui/use-stored-list';
import type { BlockType } from '@/workflow/catalog';
import { copy } from '@/workflow/copy-paste';
import type { DraftSaver } from '@/workflow/draft-saver';
import { removeBlocks, removeEdges, toggleEnabled } from '@/workflow/edit';
import type { Placement } from '@/workflow/insert';
import { openOfAddress, selectedBlockOfAddress } from './address';
import { CanvasMenu, type CanvasMenuActions, type MenuTarget } from './canvas-menu';
import { readClipboard, writeClipboard } from './clipboard';
import { deployState } from './deploy-state';
import styles from './editor.module.css';
import { editorCommands } from './editor-commands';
import { FindBlock } from './find-block';
import { Palette } from './palette';
import { RecordedRunNotice } from './recorded-run-notice';
import { RunPanel } from './run-panel';
import { STATUS_LABELS } from './run-status';
import { SaveNotice } from './save-notice';
import { type DeployButtonProps, Toolbar } from './toolbar';
import { useBlockEditing } from './use-block-editing';
import { useDraftRun } from './use-draft-run';
import { useFitBesidePanel } from './use-fit-beside-panel';
import { useLastOutputs } from './use-last-outputs';
import { useRecordedRun } from './use-recorded-run';
import { useRefresh } from './use-refresh';
import { useSelectedInView } from './use-selected-in-view';
import { useShortcuts } from './use-shortcuts';
import { VariablesDialog } from './variables-dialog';

const DeployWindow = lazy(() => import('@/deploy/deploy-window').then((module) => ({ default: module.DeployWindow })));

interface Props {
  workflow: WorkflowRow;
  saver: DraftSaver;
  onReload: () => void;
}

/** Workflow editor: toolbar, canvas, block panel, run panel and Deploy window. */
export function Editor({ workflow, saver, onReload }: Props) {
  const { store } = saver;
  const state = useDraftState(store);
  const catalog = useCatalog();
  const { workspace } = useSignedIn();
  const { notify, fail } = useToasts();
  const [, navigate] = useLocation();
  const secrets = useSecrets();
  const environment = useMemo(() => (secrets.data ?? []).map((secret) => secret.name), [secrets.data]);
  const [wanted, setSelected] = useState<readonly string[]>(selectedBlockOfAddress);
  const [open, setOpen] = useState<'palette' | 'find' | 'deploy' | 'try' | 'run' | 'variables' | null>(openOfAddress);
  /** Where the chosen block of the palette goes, null for next to the selection. */
  const [placement, setPlacement] = useState<Placement | null>(null);
  const work = useRef<HTMLDivElement>(null);
  const run = useDraftRun(workflow.id, saver);
  const deployment = useDeployment(workflow.id);
  const deploy = useDeploy(workflow.id, saver);
  const [accepted, setAccepted] = useStoredList(`accepted warnings ${workflow.id}`);
  const recorded = useRecordedRun(workflow.id);
  const recordedBlocks = run.status === null ? recorded?.blocks : undefined;
  const runMarks = recordedBlocks ?? run.marks;
  const marks = useMemo<Marks>(() => ({ runs: runMarks }), [runMarks]);

  // Drop deleted blocks from the selection.
  const selected = useMemo(() => {
    const there = wanted.filter((id) => state.blocks[id]);
    return there.length === wanted.length ? wanted : there;
  }, [wanted, state.blocks]);
  const readOnly = !can(workspace.role, 'write');
  const chosen = selected.length === 1 ? state.blocks[selected[0] as string] : undefined;
  const editing = useBlockEditing(store, state, selected, setSelected);
  const panel = open === 'run' ? 'run' : chosen ? 'block' : null;
  const outputs = useLastOutputs(workflow.id, run.outputs, recordedBlocks, panel === 'block');
  useRefresh(saver);
  useSelectedInView(chosen?.id, panel);
  useFitBesidePanel(panel === 'run');

  /** Return the last execution of a block in the run on the canvas. */
  const executionOf = (id: string) =>
    recordedBlocks ? recordedBlocks.get(id) : run.lines.findLast((line) => line.blockId === id);

  /** Select blocks and clear the text selection, so that Copy copies the blocks. */
  const choose = (ids: string[]) => {
    window.getSelection()?.removeAllRanges();
    setSelected(ids);
  };

  const closeSettings = () => {
    // The panel takes the focus with it: give it to the block.
    if (chosen && work.current?.querySelector('aside')?.contains(document.activeElement)) {
      blockElement(chosen.id)?.focus();
    }
    setSelected([]);
  };

  /** Move the focus between the canvas and the panel of the selected block. */
  const onCanvasKey = (event: KeyboardEvent) => {
    if (!(event.target instanceof Element) || !event.target.matches('.react-flow__node')) return;
    if (event.key === 'Escape') {
      // React Flow would take the focus from the block.
      event.stopPropagation();
      closeSettings();
    }
    // By the next frame, React Flow has selected the block and its panel is open.
    if (event.key === 'Enter') requestAnimationFrame(focusPanel);
  };
  const focusPanel = () => work.current?.querySelector<HTMLElement>('aside')?.focus();

  // A promise instead of mutation callbacks, which do not run if the page is left before the response.
  const publish = () =>
    void deploy.mutateAsync({ accepted: accepted ?? [] }).then(
      ({ activeDeployment }) => notify(`Version ${activeDeployment?.version} is live.`),
      (error) => (isRefusedDraft(error) ? setOpen('deploy') : fail(error)),
    );

  const loadVersion = async (version: VersionRow) => {
    const before = store.state();
    await saver.takeStored();
    setOpen(null);
    notify(`Loaded ${versionTitle(version)} into the draft.`, {
      label: 'Undo',
      onAction: () => store.edit(() => before),
    });
  };

  const editBlock = (id: string) => {
    setOpen(null);
    setSelected([id]);
    editing.reveal([id]);
  };

  const openPalette = (at: Placement | null = null) => {
    setPlacement(at);
    setOpen('palette');
  };

  const add = (type: BlockType) => {
    setOpen(null);
    editing.insert(type, placement);
  };

  const addAt = (target: MenuTarget) => {
    const at = editing.placementAt(target);
    if (at) openPalette(at);
  };

  const arrange = () => void editing.arrange().catch(fail);

  /** Select and focus a block, and center the canvas on it. */
  const show = (id: string) => {
    choose([id]);
    editing.show(id);
  };

  const menu: CanvasMenuActions = {
    readOnly,
    canPaste: () => readClipboard() !== null,
    blocksAt: (id) => (selected.includes(id) ? selected : [id]),
    isEnabled: (ids) => ids.some((id) => state.blocks[id]?.enabled !== false),
    canPrecede: (id) => state.blocks[id]?.type !== 'note',
    addAt,
    openSettings: (id) => choose([id]),
    duplicate: (ids) => editing.duplicate(copy(state, ids)),
    copy: (ids) => writeClipboard(copy(state, ids)),
    cut: editing.cut,
    toggle: (ids) => store.edit((current) => toggleEnabled(current, ids)),
    remove: (ids) => store.edit((current) => removeBlocks(current, ids)),
    removeEdge: (id) => store.edit((current) => removeEdges(current, [id])),
    paste: editing.paste,
    find: () => setOpen('find'),
    arrange,
  };

  const edits = {
    delete: editing.removeSelected,
    backspace: editing.removeSelected,
    'mod+z': () => store.undo(),
    'mod+shift+z': () => store.redo(),
    'mod+y': () => store.redo(),
    'mod+x': () => editing.cut(selected),
    'mod+v': () => editing.paste(),
    'mod+d': () => editing.duplicate(),
    'shift+l': arrange,
    'shift+e': () => store.edit((current) => toggleEnabled(current, selected)),
    '/': () => openPalette(),
  };
  useShortcuts({
    ...(readOnly ? {} : edits),
    'mod+c': () => selected.length > 0 && writeClipboard(copy(state, selected)),
    'mod+f': () => setOpen('find'),
    'mod+a': () => setSelected(Object.keys(state.blocks)),
    'mod+s': () => void saver.flush(),
    'mod+enter': () => setOpen('run'),
    // A shortcut, because Tab would pass through all other blocks first.
    f2: () => work.current?.querySelector<HTMLElement>('aside input')?.focus(),
    escape: closeSettings,
  });

  const deployButton: DeployButtonProps = {
    state: deployState(state, deployment.data, can(workspace.role, 'admin')),
    busy: deploy.isPending,
    onOpen: () => void saver.flush().then(() => setOpen('deploy')),
    onUpdate: publish,
  };

  useCommands(() =>
    editorCommands(state, catalog, {
      run: () => setOpen('run'),
      find: menu.find,
      deploy: can(workspace.role, 'admin') ? deployButton.onOpen : null,
      edit: readOnly
        ? null
        : {
            add: () => openPalette(),
            arrange: menu.arrange,
            editVariables: () => setOpen('variables'),
            undo: edits['mod+z'],
            redo: edits['mod+shift+z'],
          },
      open: (page) => navigate(`/workflows/${workflow.id}/${page}`),
      show,
    }),
  );

  return (
    <div className={layout.page}>
      <Toolbar
        name={workflow.name}
        saver={saver}
        readOnly={readOnly}
        running={run.isRunning && run.status ? STATUS_LABELS[run.status] : null}
        deployButton={deployButton}
        onAdd={() => openPalette()}
        onArrange={arrange}
        onVariables={() => setOpen('variables')}
        onRun={() => setOpen('run')}
      />
      <SaveNotice saver={saver} catalog={catalog} onReload={onReload} />
      {recorded && run.status === null && <RecordedRunNotice workflowId={workflow.id} run={recorded} state={state} />}
      <div ref={work} className={layout.work}>
        <CanvasMenu actions={menu} className={layout.canvas} onKeyDownCapture={onCanvasKey}>
          <Canvas
            store={store}
            catalog={catalog}
            marks={marks}
            readOnly={readOnly}
            selected={selected}
            onSelect={choose}
            onAdd={openPalette}
          />
          {Object.keys(state.blocks).length === 0 && (
            <div className={styles.empty}>
              <Empty title="This workflow is empty">
                Add a Start block to begin.
                {!readOnly && (
                  <div className={styles.first}>
                    <Button variant="primary" onClick={() => openPalette()}>
                      Add first block
                    </Button>
                  </div>
                )}
              </Empty>
            </div>
          )}
          {deployButton.state === 'changed' && (
            <button type="button" className={styles.badge} onClick={deployButton.onOpen}>
              <span className={styles.badgeDot} aria-hidden />
              Update deployment
            </button>
          )}
        </CanvasMenu>
        {chosen && panel === 'block' && (
          <BlockPanel
            key={chosen.id}
            block={chosen}
            state={state}
            store={store}
            catalog={catalog}
            environment={environment}
            disabled={readOnly}
            run={runMarks.get(chosen.id)}
            execution={executionOf(chosen.id)}
            outputs={outputs}
            onClose={closeSettings}
          />
        )}
        {panel === 'run' && (
          <RunPanel
            workflowId={workflow.id}
            state={state}
            run={run}
            input={recorded?.input}
            onClose={() => setOpen(null)}
          />
        )}
      </div>
      <Palette
        catalog={catalog}
        state={state}
        connected={placement !== null && placement.kind !== 'free'}
        open={open === 'palette'}
        onClose={() => setOpen(null)}
        onChoose={add}
      />
      {open === 'find' && <FindBlock catalog={catalog} state={state} onClose={() => setOpen(null)} onChoose={show} />}
      {open === 'variables' && <VariablesDialog store={store} disabled={readOnly} onClose={() => setOpen(null)} />}
      {(open === 'deploy' || open === 'try') && (
        <ErrorBoundary>
          <Suspense>
            <DeployWindow
              workflow={workflow}
              saver={saver}
              firstTab={open === 'try' ? 'api' : 'general'}
              input={recorded?.input}
              accepted={accepted ?? []}
              onAccept={setAccepted}
              onEditBlock={editBlock}
              onClose={() => setOpen(null)}
              onLoaded={loadVersion}
            />
          </Suspense>
        </ErrorBoundary>
      )}
    </div>
  );
}
