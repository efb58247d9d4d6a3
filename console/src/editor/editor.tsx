import { useReactFlow } from '@xyflow/react';
import { type KeyboardEvent, lazy, Suspense, useCallback, useMemo, useRef, useState } from 'react';
import { useCatalog } from '@/api/catalog';
import { isRefusedDraft, useDeploy, type VersionRow, versionTitle } from '@/api/deployments';
import { useSecrets } from '@/api/environment';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { blockElement } from '@/canvas/block-element';
import { Canvas } from '@/canvas/canvas';
import type { CanvasNode, Marks } from '@/canvas/graph-of';
import { useDraftState } from '@/canvas/use-draft';
import { BlockPanel } from '@/panel/block-panel';
import { Button } from '@/ui/button';
import { ErrorBoundary } from '@/ui/error-boundary';
import { Empty } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import { useStoredList } from '@/ui/use-stored-list';
import { isFree, nextHandle, startHandle } from '@/workflow/branches';
import { type BlockType, newBlock } from '@/workflow/catalog';
import { copy, paste } from '@/workflow/copy-paste';
import type { DraftSaver } from '@/workflow/draft-saver';
import { addBlock, connect, hasSomethingToRun, removeBlocks, toggleEnabled } from '@/workflow/edit';
import { type Block, isContainer, parentOf, type WorkflowState } from '@/workflow/state';
import { readClipboard, writeClipboard } from './clipboard';
import styles from './editor.module.css';
import { Palette } from './palette';
import { RecordedRunNotice } from './recorded-run-notice';
import { RunPanel } from './run-panel';
import { STATUS_LABELS } from './run-status';
import { SaveNotice } from './save-notice';
import { type DeployButtonProps, Toolbar } from './toolbar';
import { useDraftRun } from './use-draft-run';
import { useFitBesidePanel } from './use-fit-beside-panel';
import { useRecordedRun } from './use-recorded-run';
import { useReveal } from './use-reveal';
import { useSelectedInView } from './use-selected-in-view';
import { useShortcuts } from './use-shortcuts';
import { VariablesDialog } from './variables-dialog';

const DeployWindow = lazy(() => import('@/deploy/deploy-window').then((module) => ({ default: module.DeployWindow })));

const HORIZONTAL_GAP = 330;
const UNCONNECTED_CATEGORIES: ReadonlySet<string> = new Set(['trigger', 'note']);

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
  const flow = useReactFlow<CanvasNode>();
  const reveal = useReveal();
  const { workspace } = useSignedIn();
  const { notify, fail } = useToasts();
  const secrets = useSecrets();
  const environment = useMemo(() => (secrets.data ?? []).map((secret) => secret.name), [secrets.data]);
  const [wanted, setSelected] = useState<readonly string[]>(selectedBlockOfAddress);
  const [open, setOpen] = useState<'palette' | 'deploy' | 'run' | 'variables' | null>(null);
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
  const panel = open === 'run' ? 'run' : chosen ? 'block' : null;
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
    void deploy.mutateAsync(accepted ?? []).then(
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
    reveal([id]);
  };

  const measured = useCallback(
    () =>
      new Map(
        flow
          .getNodes()
          .map((node) => [node.id, { width: node.measured?.width ?? 250, height: node.measured?.height ?? 100 }]),
      ),
    [flow],
  );

  const add = (type: BlockType) => {
    setOpen(null);
    const parent = chosen ? (isContainer(chosen) ? chosen.id : parentOf(state, chosen.id)) : null;
    const before = chosen?.type !== 'note' && !UNCONNECTED_CATEGORIES.has(type.category) ? chosen : undefined;
    const around = document.querySelector('.react-flow')?.getBoundingClientRect();
    const middle = around
      ? flow.screenToFlowPosition({ x: around.x + around.width / 2 - 125, y: around.y + around.height / 2 - 60 })
      : { x: 0, y: 0 };
    const inside = chosen && isContainer(chosen) ? { x: 130, y: 70 } : null;
    const beside = before ? { x: before.position.x + HORIZONTAL_GAP, y: before.position.y } : null;
    const at = inside ?? beside ?? { x: Math.round(middle.x), y: Math.round(middle.y) };
    const made = addBlock(store.state(), newBlock(type), at, parent, measured());
    const leaving = before && connectingHandle(made.state, before);
    store.edit(() =>
      leaving ? connect(made.state, { source: before.id, target: made.id, sourceHandle: leaving }) : made.state,
    );
    setSelected([made.id]);
  };

  const arrange = useCallback(async () => {
    const { autoLayout } = await import('@/workflow/layout');
    store.edit((current) => autoLayout(current, measured()));
    requestAnimationFrame(() => void flow.fitView({ maxZoom: 1, padding: 0.15, duration: 250 }));
  }, [flow, store, measured]);

  const duplicate = (piece = copy(state, selected)) => {
    if (!piece.blocks.length) return;
    const pasted = paste(store.state(), piece);
    store.edit(() => pasted.state);
    setSelected(pasted.ids);
    if (pasted.ids.length > 1) reveal(pasted.ids);
  };

  const removeSelected = () =>
    void flow.deleteElements({
      nodes: flow.getNodes().filter((node) => node.selected),
      edges: flow.getEdges().filter((edge) => edge.selected),
    });

  const edits = {
    delete: removeSelected,
    backspace: removeSelected,
    'mod+z': () => store.undo(),
    'mod+shift+z': () => store.redo(),
    'mod+y': () => store.redo(),
    'mod+x': () => {
      if (!selected.length) return;
      writeClipboard(copy(state, selected));
      store.edit((current) => removeBlocks(current, selected));
    },
    'mod+v': () => duplicate(readClipboard() ?? { blocks: [], edges: [] }),
    'mod+d': () => duplicate(),
    'shift+l': () => void arrange().catch(fail),
    'shift+e': () => store.edit((current) => toggleEnabled(current, selected)),
    '/': () => setOpen('palette'),
  };
  useShortcuts({
    ...(readOnly ? {} : edits),
    'mod+c': () => selected.length > 0 && writeClipboard(copy(state, selected)),
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

  return (
    <div className={styles.editor}>
      <Toolbar
        name={workflow.name}
        saver={saver}
        readOnly={readOnly}
        running={run.isRunning && run.status ? STATUS_LABELS[run.status] : null}
        deployButton={deployButton}
        onAdd={() => setOpen('palette')}
        onArrange={() => void arrange().catch(fail)}
        onVariables={() => setOpen('variables')}
        onRun={() => setOpen('run')}
      />
      <SaveNotice saver={saver} onReload={onReload} />
      {recorded && run.status === null && <RecordedRunNotice workflowId={workflow.id} run={recorded} />}
      <div ref={work} className={styles.work}>
        <div className={styles.canvas} onKeyDownCapture={onCanvasKey}>
          <Canvas
            store={store}
            catalog={catalog}
            marks={marks}
            readOnly={readOnly}
            selected={selected}
            onSelect={choose}
          />
          {Object.keys(state.blocks).length === 0 && (
            <div className={styles.empty}>
              <Empty title="This workflow is empty">
                Add a Start block to begin.
                {!readOnly && (
                  <div className={styles.first}>
                    <Button variant="primary" onClick={() => setOpen('palette')}>
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
        </div>
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
            onClose={closeSettings}
          />
        )}
        {panel === 'run' && <RunPanel workflowId={workflow.id} state={state} run={run} onClose={() => setOpen(null)} />}
      </div>
      <Palette catalog={catalog} state={state} open={open === 'palette'} onClose={() => setOpen(null)} onChoose={add} />
      {open === 'variables' && <VariablesDialog store={store} disabled={readOnly} onClose={() => setOpen(null)} />}
      {open === 'deploy' && (
        <ErrorBoundary>
          <Suspense>
            <DeployWindow
              workflow={workflow}
              saver={saver}
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

/** Return the block that a link to the editor selects. */
function selectedBlockOfAddress(): string[] {
  const id = new URLSearchParams(window.location.search).get('block');
  return id === null ? [] : [id];
}

/** Return the handle that connects a block to a new one. A container connects to the first block inside it only. */
function connectingHandle(state: WorkflowState, from: Block): string | null {
  if (!isContainer(from)) return nextHandle(state, from);
  const start = startHandle(from);
  return isFree(state, from, start) ? start : null;
}

function deployState(
  state: Parameters<typeof hasSomethingToRun>[0],
  deployment: { isDeployed: boolean; needsRedeployment: boolean } | undefined,
  isAdmin: boolean,
): DeployButtonProps['state'] {
  if (deployment?.isDeployed) return deployment.needsRedeployment && isAdmin ? 'changed' : 'live';
  if (!hasSomethingToRun(state)) return 'empty';
  return isAdmin ? 'undeployed' : 'forbidden';
}
