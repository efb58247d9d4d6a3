import { useQuery } from '@tanstack/react-query';
import type { ModelProvider } from '@/workflow/models';
import { api, unwrap } from './client';

const NONE: readonly ModelProvider[] = [];

/** Return the language models by provider; none while they load or if the server has no list. */
export function useModels(): readonly ModelProvider[] {
  const { data } = useQuery({
    queryKey: ['models'],
    queryFn: () => unwrap(api.GET('/api/models')),
    staleTime: 300_000,
  });
  return data?.data ?? NONE;
}
