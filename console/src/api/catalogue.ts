import { useQuery } from '@tanstack/react-query';
import type { Catalogue } from '@/workflow/catalogue';
import { type Answer, api, ask } from './client';

const EMPTY: Catalogue = new Map();

/** The block types of this installation, by name: the same map as long as they are the same. */
export function useCatalogue(): Catalogue {
  const { data } = useQuery({
    queryKey: ['block-types'],
    queryFn: () => ask(api.GET('/api/block-types')),
    staleTime: Number.POSITIVE_INFINITY,
    select: byType,
  });
  return data ?? EMPTY;
}

// Not where it is used: a function that is new each time is asked each time, for a map that is new each time.
function byType(found: Answer<'/api/block-types', 'get'>): Catalogue {
  return new Map(found.data.map((type) => [type.type, type]));
}
