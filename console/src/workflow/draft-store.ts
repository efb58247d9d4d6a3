import type { WorkflowState } from './state';

const HISTORY_SIZE = 200;
const GROUP_MS = 900;

type Edit = (state: WorkflowState) => WorkflowState;

/** Draft being edited, with undo and redo. */
export class DraftStore {
  private past: WorkflowState[] = [];
  private future: WorkflowState[] = [];
  private listeners = new Set<() => void>();
  private lastEdit: { key: string; at: number } | null = null;

  constructor(private current: WorkflowState) {}

  readonly state = (): WorkflowState => this.current;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Change the state. Consecutive edits with the same `group` within a short time are undone together. */
  edit(change: Edit, group: string | null = null): void {
    const next = change(this.current);
    if (next === this.current) return;
    const now = performance.now();
    const isSameGroup = group !== null && this.lastEdit?.key === group && now - this.lastEdit.at < GROUP_MS;
    if (!isSameGroup) this.past = [...this.past, this.current].slice(-HISTORY_SIZE);
    this.lastEdit = group === null ? null : { key: group, at: now };
    this.future = [];
    this.replace(next);
  }

  /** Replace the state by one of another author. Undo would revert that author's changes: the history ends here. */
  reset(state: WorkflowState): void {
    this.past = [];
    this.future = [];
    this.lastEdit = null;
    this.replace(state);
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  undo(): void {
    const before = this.past.at(-1);
    if (!before) return;
    this.past = this.past.slice(0, -1);
    this.future = [this.current, ...this.future];
    this.lastEdit = null;
    this.replace(before);
  }

  redo(): void {
    const [after, ...rest] = this.future;
    if (!after) return;
    this.past = [...this.past, this.current];
    this.future = rest;
    this.lastEdit = null;
    this.replace(after);
  }

  private replace(state: WorkflowState): void {
    this.current = state;
    for (const listener of this.listeners) listener();
  }
}
