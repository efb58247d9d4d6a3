import { useQuery } from '@tanstack/react-query';
import type { Catalogue } from '@/workflow/catalogue';
import { api, ask } from './client';

const EMPTY: Catalogue = new Map();

/** The block types of this installation, by name. */
export function useCatalogue(): Catalogue {
  const { data } = useQuery({
    queryKey: ['block-types'],
    queryFn: () => ask(api.GET('/api/block-types')),
    staleTime: Number.POSITIVE_INFINITY,
    select: (found): Catalogue => new Map(found.data.map((type) => [type.type, type])),
  });
  return data ?? EMPTY;
}
