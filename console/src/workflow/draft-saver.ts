import { type Draft, readDraft, readDraftIfChanged, saveDraft } from '@/api/draft';
import { isStatus, isTransient } from '@/api/errors';
import { DraftStore } from './draft-store';
import type { WorkflowState } from './state';
import { setDraftUnsaved } from './unsaved';

const PAUSE_MS = 700;
const RETRY_MS = 5_000;
const UNSAVED = 'Your changes are not saved. Save them and try again.';
const OUTDATED = 'Your draft is outdated. Load the latest draft and try again.';

export type SaveStatus = 'saved' | 'waiting' | 'saving' | 'failed' | 'stale';

/** Savers with unsaved changes by workflow id. They survive leaving the page. */
const unsaved = new Map<string, DraftSaver>();

export function unsavedDraft(workflowId: string): DraftSaver | undefined {
  return unsaved.get(workflowId);
}

/** Saves the draft as it changes, one request at a time. A conflict stops saving until the author resolves it. */
export class DraftSaver {
  readonly store: DraftStore;
  status: SaveStatus = 'saved';
  error: unknown = null;
  private revision: string;
  private stored: WorkflowState;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: Promise<void> | null = null;
  private listeners = new Set<() => void>();
  private isDiscarded = false;

  constructor(
    private readonly workflowId: string,
    draft: Draft,
    private readonly onSaved: () => void,
  ) {
    this.store = new DraftStore(draft.state);
    this.stored = draft.state;
    this.revision = draft.revision;
    this.store.subscribe(() => this.changed());
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly currentStatus = (): SaveStatus => this.status;

  /** Save pending changes. Resolves when they are saved or saving has failed. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    // A concurrent flush may have started the next save: two concurrent saves would conflict.
    while (this.running) await this.running;
    if (this.hasUnsavedChanges && this.status !== 'stale') await this.save();
  }

  /** Save, and check that the saved draft is the one the author sees. Throws otherwise. */
  async ensureCurrent(): Promise<void> {
    await this.flush();
    if (this.status === 'saved') await this.checkRevision();
    this.throwIfUnsaved();
  }

  /** Save before the draft is replaced. Throws if that would replace changes the author has not seen. */
  async prepareReplacement(): Promise<void> {
    await this.flush();
    if (this.status !== 'stale') await this.checkRevision();
    if (this.status === 'stale') this.throwIfUnsaved();
  }

  /** Call `publish` with the revision that the author sees. Throws if that is not the saved draft. */
  async publishWith<T>(publish: (revision: string) => Promise<T>): Promise<T> {
    await this.flush();
    this.throwIfUnsaved();
    const revision = this.revision;
    try {
      return await publish(revision);
    } catch (error) {
      if (!isStatus(error, 412)) throw error;
      await this.flush();
      this.throwIfUnsaved();
      if (this.revision !== revision) return this.publishWith(publish); // the author's own save came first
      this.setStatus('stale');
      this.throwIfUnsaved();
      throw error;
    }
  }

  /** Load the stored draft as an edit, which the author can undo. */
  async takeStored(): Promise<void> {
    const { state, revision } = await readDraft(this.workflowId);
    this.stored = state;
    this.revision = revision;
    this.store.edit(() => state);
  }

  /** Load the stored draft if someone else changed it and nothing is unsaved. Return whether it did. */
  async refresh(): Promise<boolean> {
    const known = this.revision;
    const draft = this.isIdle ? await readDraftIfChanged(this.workflowId, known) : null;
    if (!draft || !this.isIdle || this.revision !== known) return false;
    this.stored = draft.state;
    this.revision = draft.revision;
    this.status = 'saved';
    this.store.reset(draft.state);
    return true;
  }

  /** Load the draft that someone else saved, and the last one that both had in common. */
  async readConflict(): Promise<{ base: WorkflowState; theirs: Draft }> {
    return { base: this.stored, theirs: await readDraft(this.workflowId) };
  }

  /** Save a combination with the draft that someone else saved. It conflicts again if that was replaced. */
  async resolve(theirs: Draft, combined: WorkflowState): Promise<void> {
    this.stored = theirs.state;
    this.revision = theirs.revision;
    this.status = 'waiting';
    this.store.edit(() => combined);
    await this.flush();
  }

  /** Overwrite the draft that someone else saved. */
  async overwrite(): Promise<void> {
    this.revision = (await readDraft(this.workflowId)).revision;
    this.setStatus('waiting');
    await this.flush();
  }

  /** Save when the page is left. If that fails, the changes stay in memory for the next visit. */
  detach(): void {
    if (isStatus(this.error, 404)) this.discard();
    else void this.flush();
  }

  /** Stop saving and discard unsaved changes. */
  discard(): void {
    this.isDiscarded = true;
    clearTimeout(this.timer);
    this.trackUnsaved(false);
  }

  get hasUnsavedChanges(): boolean {
    return this.store.state() !== this.stored;
  }

  private get isIdle(): boolean {
    const isSettled = this.status === 'saved' || this.status === 'stale';
    return isSettled && !this.hasUnsavedChanges && !this.running && !this.isDiscarded;
  }

  private throwIfUnsaved(): void {
    if (this.status !== 'failed' && this.status !== 'stale') return;
    throw new Error(this.hasUnsavedChanges ? UNSAVED : OUTDATED);
  }

  private async checkRevision(): Promise<void> {
    const known = this.revision;
    const { revision } = await readDraft(this.workflowId);
    // A save in the meantime has already checked the revision.
    if (revision !== known && this.revision === known) this.setStatus('stale');
  }

  private changed(): void {
    if (this.isDiscarded) return;
    // After a conflict, keep edits in memory and save nothing until the author resolves it.
    if (this.status === 'stale') {
      this.setStatus('stale');
      return;
    }
    this.setStatus(this.running ? 'saving' : this.hasUnsavedChanges ? 'waiting' : 'saved');
    this.scheduleSave(PAUSE_MS);
  }

  private scheduleSave(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), ms);
  }

  private save(): Promise<void> {
    this.running = this.send().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async send(): Promise<void> {
    const state = this.store.state();
    this.setStatus('saving');
    try {
      this.revision = await saveDraft(this.workflowId, state, this.revision);
      this.stored = state;
      this.onSaved();
      this.setStatus(this.hasUnsavedChanges ? 'waiting' : 'saved');
    } catch (error) {
      this.setStatus(isStatus(error, 409) ? 'stale' : 'failed', error);
      const mayRetry = isTransient(error) || isStatus(error, 401); // the user may sign in in another tab
      if (mayRetry && !this.isDiscarded) this.scheduleSave(RETRY_MS);
    }
  }

  private setStatus(status: SaveStatus, error: unknown = null): void {
    this.status = status;
    this.error = error;
    this.trackUnsaved(this.hasUnsavedChanges && !this.isDiscarded);
    for (const listener of this.listeners) listener();
  }

  private trackUnsaved(isUnsaved: boolean): void {
    setDraftUnsaved(this, isUnsaved);
    if (isUnsaved) unsaved.set(this.workflowId, this);
    else if (unsaved.get(this.workflowId) === this) unsaved.delete(this.workflowId);
  }
}
