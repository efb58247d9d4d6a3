import { useQuery } from '@tanstack/react-query';
import type { Catalog } from '@/workflow/catalog';
import { api, type ResponseBody, unwrap } from './client';

const EMPTY: Catalog = new Map();

/** Load the block types of this installation by name. The map is stable while they do not change. */
export function useBlockTypes() {
  return useQuery({
    queryKey: ['block-types'],
    queryFn: () => unwrap(api.GET('/api/block-types')),
    staleTime: Number.POSITIVE_INFINITY,
    select: byType,
  });
}

/** Return the block types by name, none until they are loaded. */
export function useCatalog(): Catalog {
  return useBlockTypes().data ?? EMPTY;
}

// Defined outside the hook: `select` with a new identity would run, and return a new map, on every render.
function byType(found: ResponseBody<'/api/block-types', 'get'>): Catalog {
  return new Map(found.data.map((type) => [type.type, type]));
}
