import { type Block, type Edge, parentOf, type WorkflowState } from './state';

export type Connection = Pick<Edge, 'source' | 'target' | 'sourceHandle'>;

/** Return why two blocks cannot be connected, or null if they can. */
export function connectionProblem(state: WorkflowState, connection: Connection): string | null {
  return problemOf(state, connection, ancestorsOf(state, connection.source), targetsFrom(state, connection));
}

/** Return every block that a handle can be connected to. */
export function targetsOf(state: WorkflowState, source: string, sourceHandle: string): Block[] {
  const before = ancestorsOf(state, source);
  const taken = targetsFrom(state, { source, sourceHandle });
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
  if (!from || !into) return 'One of the blocks no longer exists.';
  if (source === target) return 'A block cannot connect to itself.';
  const inside = Boolean(sourceHandle?.endsWith('-start-source'));
  const level = inside ? source : parentOf(state, source);
  if (parentOf(state, target) !== level) return 'A connection cannot cross a container’s border.';
  if (taken.has(target)) return 'These blocks are already connected.';
  if (!inside && before.has(target)) return 'This connection would create a cycle. Use a Loop block instead.';
  return null;
}

/** Return the blocks that a handle is connected to. */
function targetsFrom(state: WorkflowState, { source, sourceHandle }: Omit<Connection, 'target'>): Set<string> {
  const isSame = (edge: Edge) =>
    edge.source === source && (edge.sourceHandle ?? 'source') === (sourceHandle ?? 'source');
  return new Set(state.edges.filter(isSame).map((edge) => edge.target));
}

/** Return `end` and every block with a path to it. */
function ancestorsOf(state: WorkflowState, end: string): Set<string> {
  const sources = sourcesByTarget(state);
  return reachable(end, (id) => sources.get(id) ?? []);
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

/** Return the blocks whose output may be available to `start`: those with a path to it or to its containers. */
export function upstream(state: WorkflowState, start: string): Set<string> {
  const sources = sourcesByTarget(state);
  const found = reachable(start, (id) => {
    const before = sources.get(id) ?? [];
    const parent = parentOf(state, id);
    return parent ? [...before, parent] : before;
  });
  found.delete(start);
  return found;
}

function reachable(start: string, next: (id: string) => string[]): Set<string> {
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
