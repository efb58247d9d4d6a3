import { useQuery } from '@tanstack/react-query';
import { type Answer, api, ask } from './client';
import { workflowKeys } from './workflows';

export type Samples = Answer<'/api/workflows/{workflow_id}/samples', 'get'>;
export type SelectableBlock = Samples['outputs'][number];

/** Code that calls the live version, with these outputs selected; the usual ones where nobody has chosen. */
export function useSamples(id: string, selected: readonly string[] | null) {
  const selectedOutputs = selected?.join(',');
  return useQuery({
    queryKey: [...workflowKeys.samples(id), selectedOutputs],
    queryFn: () =>
      ask(
        api.GET('/api/workflows/{workflow_id}/samples', {
          params: { path: { workflow_id: id }, query: { selectedOutputs } },
        }),
      ),
    placeholderData: (before) => before,
  });
}
