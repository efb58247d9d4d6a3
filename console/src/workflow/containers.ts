import { type Block, childrenOf, type Json, type WorkflowState } from './state';

/** Return the state with `loops` and `parallels` derived from the container blocks. */
export function withContainers(state: WorkflowState): WorkflowState {
  return {
    ...state,
    loops: containers(state, 'loop', loopConfig),
    parallels: containers(state, 'parallel', parallelConfig),
  };
}

function containers(
  state: WorkflowState,
  type: string,
  config: (block: Block, nodes: string[]) => Json,
): Record<string, Json> {
  const found = Object.values(state.blocks).filter((block) => block.type === type);
  return Object.fromEntries(found.map((block) => [block.id, config(block, childrenOf(state, block.id))]));
}

function loopConfig({ id, data = {}, enabled = true }: Block, nodes: string[]): Json {
  return {
    id,
    nodes,
    iterations: data.count || 5,
    loopType: data.loopType ?? 'for',
    forEachItems: data.collection ?? '',
    whileCondition: data.whileCondition ?? '',
    doWhileCondition: data.doWhileCondition ?? '',
    enabled,
  };
}

function parallelConfig({ id, data = {}, enabled = true }: Block, nodes: string[]): Json {
  return {
    id,
    nodes,
    count: data.count || 5,
    distribution: data.collection ?? '',
    parallelType: data.parallelType ?? 'count',
    batchSize: Math.min(20, Math.max(1, Number(data.batchSize ?? 20))),
    enabled,
  };
}
