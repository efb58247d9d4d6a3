import { type FormEvent, useId, useState } from 'react';
import { Link } from 'wouter';
import {
  type Gate,
  isRunning,
  type Replay,
  type ReplayTarget,
  useCancelReplay,
  useReplay,
  useReplayResults,
  useStartReplay,
} from '@/api/replays';
import { can, useSignedIn } from '@/api/session';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { Field, TextArea, TextInput } from '@/ui/field';
import form from '@/ui/form.module.css';
import { InlineError, LoadError, Skeleton } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import { ReplayBadge, VerdictBadge } from './badges';
import { firstBlock, patternsOf, reasonOf } from './labels';
import { LimitFields } from './limit-fields';
import { limitsOf, STRICT } from './limits';
import styles from './replays.module.css';
import { Suggestions } from './suggestions';
import { Refusals, ReplayProgress } from './summary';

const LAST = 200;
const MOST = 1_000;
/** Differing runs that the dialog lists. The page of the replay lists all. */
const LISTED = 5;

interface Props {
  workflowId: string;
  title: string;
  target: ReplayTarget;
  /** Saves the draft before a replay of it. */
  prepare?: () => Promise<unknown>;
  /** What goes live after the check. Without it, the dialog only checks. */
  publish?: Publish;
  onClose: () => void;
}

interface Publish {
  /** Verb of the buttons, such as "Promote". */
  action: string;
  /** Throws if the server refuses. */
  run: (gate: Gate) => Promise<unknown>;
}

/** Dialog that replays recorded runs on a version or the draft before it goes live. */
export function CheckDialog({ workflowId, title, target, prepare, publish, onClose }: Props) {
  const start = useStartReplay(workflowId, prepare);
  const cancel = useCancelReplay(workflowId);
  const { fail } = useToasts();
  const [replayId, setReplayId] = useState<string | null>(null);
  const [last, setLast] = useState(String(LAST));
  const [ignore, setIgnore] = useState('');
  const [limits, setLimits] = useState(STRICT);
  const formId = useId();
  const replay = useReplay(workflowId, replayId);
  const found = replay.data;
  const check = (patterns: string[]) =>
    start.mutate(
      { target, last: Number(last), ignore: patterns, ...limitsOf(limits) },
      { onSuccess: (created) => setReplayId(created.id) },
    );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    check(patternsOf(ignore));
  };
  const ignoreAlso = (patterns: readonly string[]) => {
    const all = [...new Set([...patternsOf(ignore), ...patterns])];
    setIgnore(all.join('\n'));
    setReplayId(null);
    check(all);
  };

  const footer =
    replayId === null ? (
      <>
        <Button onClick={onClose}>Cancel</Button>
        <Button variant="primary" type="submit" form={formId} busy={start.isPending}>
          {start.isPending ? 'Starting…' : 'Run check'}
        </Button>
      </>
    ) : found && isRunning(found) ? (
      <Button
        busy={cancel.isPending}
        onClick={() => cancel.mutate(replayId, { onError: fail, onSettled: () => void replay.refetch() })}
      >
        Cancel check
      </Button>
    ) : (
      <>
        <Button onClick={() => setReplayId(null)}>Check again</Button>
        {found && publish && found.status === 'passed' && (
          <PublishButton replay={found} publish={publish} onClose={onClose} />
        )}
      </>
    );

  return (
    <Dialog title={title} size="m" help="replays" open onClose={onClose} footer={footer}>
      {replayId === null && (
        <form id={formId} className={form.form} onSubmit={submit}>
          <p className={form.hint}>
            Replays recorded runs and compares every block. Models, API calls and other effects answer from the
            recordings:{' '}
            {limits.callsModels ? 'only models without a recorded answer are called.' : 'nothing outside is called.'}
          </p>
          <Field label="Recorded runs" hint={`Newest first, at most ${MOST.toLocaleString('en-US')}.`}>
            {(control) => (
              <TextInput
                {...control}
                type="number"
                autoFocus
                required
                min={1}
                max={MOST}
                value={last}
                onChange={(event) => setLast(event.target.value)}
              />
            )}
          </Field>
          <Field
            label="Fields to ignore"
            hint="One per line, as block.path, for values that change in every run. * matches any text."
          >
            {(control) => (
              <TextArea
                {...control}
                rows={3}
                placeholder="*.createdAt"
                value={ignore}
                onChange={(event) => setIgnore(event.target.value)}
              />
            )}
          </Field>
          <LimitFields value={limits} onChange={setLimits} />
          <InlineError error={start.error} />
        </form>
      )}
      {replayId !== null && !found && !replay.isLoadingError && <Skeleton rows={2} />}
      {replay.isLoadingError && <LoadError error={replay.error} onRetry={replay.refetch} />}
      {replayId !== null && found && (
        <Outcome workflowId={workflowId} replay={found} publish={publish} onIgnore={ignoreAlso} onClose={onClose} />
      )}
    </Dialog>
  );
}

interface OutcomeProps {
  workflowId: string;
  replay: Replay;
  publish: Publish | undefined;
  onIgnore: (patterns: readonly string[]) => void;
  onClose: () => void;
}

function Outcome({ workflowId, replay, publish, onIgnore, onClose }: OutcomeProps) {
  const { workspace } = useSignedIn();
  const isRefused = replay.status === 'refused';
  return (
    <div className={styles.stack}>
      <div className={styles.actions}>
        <ReplayBadge status={replay.status} />
      </div>
      <ReplayProgress replay={replay} />
      {isRunning(replay) && <p className={styles.quiet}>The check continues on the server if you close this dialog.</p>}
      <Refusals replay={replay} />
      {isRefused && <DifferingRuns workflowId={workflowId} replay={replay} />}
      {isRefused && replay.suggestedIgnore && replay.suggestedIgnore.length > 0 && (
        <Suggestions
          patterns={replay.suggestedIgnore}
          action="Ignore these and check again"
          onUse={() => onIgnore(replay.suggestedIgnore ?? [])}
        />
      )}
      <p>
        <Link href={`/workflows/${workflowId}/replays/${replay.id}`}>
          {isRunning(replay) ? 'View replay' : 'View all results'}
        </Link>
      </p>
      {!isRunning(replay) && replay.status !== 'passed' && publish && can(workspace.role, 'admin') && (
        <Override replay={replay} publish={publish} onClose={onClose} />
      )}
    </div>
  );
}

function DifferingRuns({ workflowId, replay }: { workflowId: string; replay: Replay }) {
  const results = useReplayResults(workflowId, replay, undefined);
  if (results.isLoadingError) return <InlineError error={results.error} />;
  if (!results.data) return <Skeleton rows={2} />;
  const differing = results.data.pages
    .flatMap((page) => page.data)
    .filter(({ verdict }) => verdict !== 'same' && verdict !== 'skipped');
  return (
    <ul className={styles.runs} aria-label="Differing runs">
      {differing.slice(0, LISTED).map((result) => (
        <li key={result.runId}>
          <VerdictBadge verdict={result.verdict} />
          <strong>{firstBlock(result)?.blockName || firstBlock(result)?.blockId || 'Run'}</strong>
          <span className={styles.quiet}>{reasonOf(result)}</span>
          <code className={styles.id}>{result.runId}</code>
        </li>
      ))}
    </ul>
  );
}

interface PublishProps {
  replay: Replay;
  publish: Publish;
  onClose: () => void;
}

function usePublish({ replay, publish, onClose }: PublishProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const run = async (override?: string) => {
    setBusy(true);
    setError(null);
    try {
      await publish.run({ replayId: replay.id, ...(override ? { override } : {}) });
      onClose();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  return { run, busy, error };
}

function PublishButton(props: PublishProps) {
  const { workspace } = useSignedIn();
  const { run, busy, error } = usePublish(props);
  return (
    <>
      <InlineError error={error} />
      <Button variant="primary" busy={busy} disabled={!can(workspace.role, 'admin')} onClick={() => void run()}>
        {props.publish.action}
      </Button>
    </>
  );
}

function Override(props: PublishProps) {
  const { run, busy, error } = usePublish(props);
  const [reason, setReason] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run(reason.trim());
  };
  return (
    <form className={form.form} onSubmit={submit}>
      <Field label="Reason" hint="The audit log keeps the reason for this override.">
        {(control) => (
          <TextInput
            {...control}
            required
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        )}
      </Field>
      <InlineError error={error} />
      <div>
        <Button variant="danger" type="submit" busy={busy} disabled={!reason.trim()}>
          {props.publish.action} anyway
        </Button>
      </div>
    </form>
  );
}
