import type { WorkflowState } from './state';

const REMEMBERED = 200;
const ONE_STROKE_MS = 900;

type Edit = (state: WorkflowState) => WorkflowState;

/** The draft in the author's hands: its state, and the way back and forth through its changes. */
export class DraftStore {
  private past: WorkflowState[] = [];
  private future: WorkflowState[] = [];
  private listeners = new Set<() => void>();
  private lastStroke: { key: string; at: number } | null = null;

  constructor(private current: WorkflowState) {}

  readonly state = (): WorkflowState => this.current;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Changes the state. Changes with one `stroke` that follow each other closely are taken back as one. */
  edit(change: Edit, stroke: string | null = null): void {
    const next = change(this.current);
    if (next === this.current) return;
    const now = performance.now();
    const goesOn = stroke !== null && this.lastStroke?.key === stroke && now - this.lastStroke.at < ONE_STROKE_MS;
    if (!goesOn) this.past = [...this.past, this.current].slice(-REMEMBERED);
    this.lastStroke = stroke === null ? null : { key: stroke, at: now };
    this.future = [];
    this.become(next);
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
    this.lastStroke = null;
    this.become(before);
  }

  redo(): void {
    const [after, ...rest] = this.future;
    if (!after) return;
    this.past = [...this.past, this.current];
    this.future = rest;
    this.lastStroke = null;
    this.become(after);
  }

  private become(state: WorkflowState): void {
    this.current = state;
    for (const listener of this.listeners) listener();
  }
}
