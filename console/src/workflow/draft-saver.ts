import { type Draft, readDraft, saveDraft } from '@/api/draft';
import { isStatus, mayPass } from '@/api/errors';
import { DraftStore } from './draft-store';
import type { WorkflowState } from './state';
import { noteUnsaved } from './unsaved';

const PAUSE_MS = 700;
const AGAIN_MS = 5_000;

export type SaveStatus = 'saved' | 'waiting' | 'saving' | 'failed' | 'stale';

/** By workflow: what was left before all of it was saved is there for who comes back. */
const unsaved = new Map<string, DraftSaver>();

export function unsavedDraft(workflowId: string): DraftSaver | undefined {
  return unsaved.get(workflowId);
}

/** Saves the draft as it changes, one save at a time. A stale one stops it until the author has decided. */
export class DraftSaver {
  readonly store: DraftStore;
  status: SaveStatus = 'saved';
  error: unknown = null;
  private revision: string;
  private stored: WorkflowState;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: Promise<void> | null = null;
  private listeners = new Set<() => void>();
  private isDropped = false;

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

  /** Saves what is not saved yet; comes back when everything is, or it could not be. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    // Whoever waited beside this one may have begun the next: two at once would overtake each other.
    while (this.running) await this.running;
    if (this.isBehind && this.status !== 'stale') await this.save();
  }

  /** Makes sure that what works on the saved draft takes what its author sees. Raises where it would not. */
  async settle(): Promise<void> {
    await this.flush();
    if (this.status === 'saved') await this.compare();
    this.refuse();
  }

  /** Makes sure that what takes the draft's place replaces nothing that its author has not seen. Raises where it would. */
  async giveWay(): Promise<void> {
    await this.flush();
    if (this.status !== 'stale') await this.compare();
    if (this.status === 'stale') this.refuse();
  }

  /** Has `publish` publish what its author sees, where that is the saved draft. Raises where it is not. */
  async published<T>(publish: (revision: string) => Promise<T>): Promise<T> {
    await this.flush();
    this.refuse();
    const revision = this.revision;
    try {
      return await publish(revision);
    } catch (error) {
      if (!isStatus(error, 412)) throw error;
      await this.flush();
      this.refuse();
      if (this.revision !== revision) return this.published(publish); // it was a save of this author's that came first
      this.become('stale');
      this.refuse();
      throw error;
    }
  }

  /** Puts this draft over the one that somebody else saved. */
  async keepMine(): Promise<void> {
    this.revision = (await readDraft(this.workflowId)).revision;
    this.become('waiting');
    await this.flush();
  }

  /** Nobody looks at it any more: it is saved at once, and where that cannot be, kept for who comes back. */
  leave(): void {
    if (isStatus(this.error, 404)) this.drop();
    else void this.flush();
  }

  /** Nobody wants it any more. */
  drop(): void {
    this.isDropped = true;
    clearTimeout(this.timer);
    this.note(false);
  }

  get isBehind(): boolean {
    return this.store.state() !== this.stored;
  }

  private refuse(): void {
    if (this.status !== 'failed' && this.status !== 'stale') return;
    const why = this.isBehind ? 'Your changes are not saved yet' : 'Someone else saved this workflow meanwhile';
    throw new Error(`${why}, so this was not done.`);
  }

  private async compare(): Promise<void> {
    const known = this.revision;
    const { revision } = await readDraft(this.workflowId);
    // A save that was made in between has compared them itself.
    if (revision !== known && this.revision === known) this.become('stale');
  }

  private changed(): void {
    if (this.isDropped) return;
    // Nothing is saved until its author has decided, and nothing that he writes until then is lost.
    if (this.status === 'stale') {
      this.become('stale');
      return;
    }
    this.become(this.running ? 'saving' : this.isBehind ? 'waiting' : 'saved');
    this.later(PAUSE_MS);
  }

  private later(ms: number): void {
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
    this.become('saving');
    try {
      this.revision = await saveDraft(this.workflowId, state, this.revision);
      this.stored = state;
      this.onSaved();
      this.become(this.isBehind ? 'waiting' : 'saved');
    } catch (error) {
      this.become(isStatus(error, 409) ? 'stale' : 'failed', error);
      const mayBeTaken = mayPass(error) || isStatus(error, 401); // once somebody has signed in
      if (mayBeTaken && !this.isDropped) this.later(AGAIN_MS);
    }
  }

  private become(status: SaveStatus, error: unknown = null): void {
    this.status = status;
    this.error = error;
    this.note(this.isBehind && !this.isDropped);
    for (const listener of this.listeners) listener();
  }

  private note(isUnsaved: boolean): void {
    noteUnsaved(this, isUnsaved);
    if (isUnsaved) unsaved.set(this.workflowId, this);
    else if (unsaved.get(this.workflowId) === this) unsaved.delete(this.workflowId);
  }
}
