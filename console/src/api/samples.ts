import { useQuery } from '@tanstack/react-query';
import { api, type ResponseBody, unwrap } from './client';
import { workflowKeys } from './workflows';

export type Samples = ResponseBody<'/api/workflows/{workflow_id}/samples', 'get'>;
export type SelectableBlock = Samples['outputs'][number];

export type SampleApi = 'legacy' | 'v2';

/** Load code samples for the live version with the selected outputs, or with the default ones. */
export function useSamples(id: string, selected: readonly string[] | null, sampleApi: SampleApi = 'legacy') {
  const selectedOutputs = selected?.join(',');
  return useQuery({
    queryKey: [...workflowKeys.samples(id), selectedOutputs, sampleApi],
    queryFn: () =>
      unwrap(
        api.GET('/api/workflows/{workflow_id}/samples', {
          params: { path: { workflow_id: id }, query: { selectedOutputs, api: sampleApi } },
        }),
      ),
    placeholderData: (before) => before,
  });
}
