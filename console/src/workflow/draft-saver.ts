import { type Draft, readDraft, saveDraft } from '@/api/draft';
import { isStatus } from '@/api/errors';
import { DraftStore } from './draft-store';
import type { WorkflowState } from './state';
import { noteUnsaved } from './unsaved';

const PAUSE_MS = 700;
const AGAIN_MS = 5_000;

export type SaveStatus = 'saved' | 'waiting' | 'saving' | 'failed' | 'stale';

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
  private readonly forget: () => void;

  constructor(
    private readonly workflowId: string,
    draft: Draft,
    private readonly onSaved: () => void,
  ) {
    this.store = new DraftStore(draft.state);
    this.stored = draft.state;
    this.revision = draft.revision;
    this.forget = this.store.subscribe(() => this.changed());
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly currentStatus = (): SaveStatus => this.status;

  /** Saves what is not saved yet; comes back when everything is, or it could not be. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    await this.running;
    if (this.isBehind && this.status !== 'stale') await this.save();
  }

  /** Puts this draft over the one that somebody else saved. */
  async keepMine(): Promise<void> {
    this.revision = (await readDraft(this.workflowId)).revision;
    this.become('waiting');
    await this.flush();
  }

  /** Nobody edits here any more: what can still be saved will be. */
  stop(): void {
    this.forget();
    clearTimeout(this.timer);
    if (this.status === 'stale') noteUnsaved(this, false);
    else if (this.isBehind) void this.save();
  }

  get isBehind(): boolean {
    return this.store.state() !== this.stored;
  }

  private changed(): void {
    if (this.status === 'stale') return;
    this.become(this.running ? 'saving' : 'waiting');
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
      const stale = isStatus(error, 409);
      this.become(stale ? 'stale' : 'failed', error);
      if (!stale && !isStatus(error, 400)) this.later(AGAIN_MS);
    }
  }

  private become(status: SaveStatus, error: unknown = null): void {
    this.status = status;
    this.error = error;
    noteUnsaved(this, this.isBehind);
    for (const listener of this.listeners) listener();
  }
}
