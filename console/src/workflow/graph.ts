import { type Block, type Edge, parentOf, type WorkflowState } from './state';

export type Connection = Pick<Edge, 'source' | 'target' | 'sourceHandle'>;

/** Why two blocks may not be connected, null when they may. */
export function connectionProblem(state: WorkflowState, connection: Connection): string | null {
  return problemOf(state, connection, leadingTo(state, connection.source), takenFrom(state, connection));
}

/** Every block that this way out of a block may lead to. */
export function targetsOf(state: WorkflowState, source: string, sourceHandle: string): Block[] {
  const before = leadingTo(state, source);
  const taken = takenFrom(state, { source, sourceHandle });
  return Object.values(state.blocks).filter(
    (block) => !problemOf(state, { source, target: block.id, sourceHandle }, before, taken),
  );
}

function problemOf(
  state: WorkflowState,
  { source, target, sourceHandle }: Connection,
  before: ReadonlySet<string>,
  taken: ReadonlySet<string>,
): string | null {
  const [from, into] = [state.blocks[source], state.blocks[target]];
  if (!from || !into) return 'One of the blocks does not exist.';
  if (source === target) return 'A block cannot lead to itself.';
  const inside = Boolean(sourceHandle?.endsWith('-start-source'));
  const level = inside ? source : parentOf(state, source);
  if (parentOf(state, target) !== level) return 'A connection cannot cross the border of a container.';
  if (taken.has(target)) return 'These blocks are connected already.';
  if (!inside && before.has(target)) return 'This would make a circle; use a Loop for that.';
  return null;
}

/** Every block that this way out of a block leads to already. */
function takenFrom(state: WorkflowState, { source, sourceHandle }: Omit<Connection, 'target'>): Set<string> {
  const isSame = (edge: Edge) =>
    edge.source === source && (edge.sourceHandle ?? 'source') === (sourceHandle ?? 'source');
  return new Set(state.edges.filter(isSame).map((edge) => edge.target));
}

/** Every block that leads to `end`, itself included. */
function leadingTo(state: WorkflowState, end: string): Set<string> {
  const sources = sourcesByTarget(state);
  return walk(end, (id) => sources.get(id) ?? []);
}

function sourcesByTarget(state: WorkflowState): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { source, target } of state.edges) {
    const known = found.get(target);
    if (known) known.push(source);
    else found.set(target, [source]);
  }
  return found;
}

/** Every block whose output can be there when `start` runs: what lies before it and before its containers. */
export function upstream(state: WorkflowState, start: string): Set<string> {
  const sources = sourcesByTarget(state);
  const found = walk(start, (id) => {
    const before = sources.get(id) ?? [];
    const parent = parentOf(state, id);
    return parent ? [...before, parent] : before;
  });
  found.delete(start);
  return found;
}

function walk(start: string, next: (id: string) => string[]): Set<string> {
  const seen = new Set([start]);
  const waiting = [start];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    for (const each of next(id)) {
      if (seen.has(each)) continue;
      seen.add(each);
      waiting.push(each);
    }
  }
  return seen;
}
