import { useQuery } from '@tanstack/react-query';
import { api, ask } from './client';

export function useUsage() {
  return useQuery({
    queryKey: ['usage'],
    queryFn: () => ask(api.GET('/api/users/me/usage-limits')),
    refetchInterval: 10_000,
  });
}
