import { useQuery } from '@tanstack/react-query';
import { api, type ResponseBody, unwrap } from './client';
import { workflowKeys } from './workflows';

export type Samples = ResponseBody<'/api/workflows/{workflow_id}/samples', 'get'>;
export type SelectableBlock = Samples['outputs'][number];

/** Load code samples for the live version with the selected outputs, or with the default ones. */
export function useSamples(id: string, selected: readonly string[] | null) {
  const selectedOutputs = selected?.join(',');
  return useQuery({
    queryKey: [...workflowKeys.samples(id), selectedOutputs],
    queryFn: () =>
      unwrap(
        api.GET('/api/workflows/{workflow_id}/samples', {
          params: { path: { workflow_id: id }, query: { selectedOutputs } },
        }),
      ),
    placeholderData: (before) => before,
  });
}
