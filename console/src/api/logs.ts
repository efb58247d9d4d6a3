import { type ResponseBody, send } from './client';

type LogPage = ResponseBody<'/api/v1/logs', 'get'>;
export type LogRow = LogPage['data'][number];

export type LogFilter = Record<string, string | undefined>;

export function readLogs(workspaceId: string, filter: LogFilter): Promise<LogPage> {
  return send<LogPage>('GET', `/api/v1/logs?${searchOf(workspaceId, filter)}`);
}

/** Return the query of a filter, without undefined and empty parameters. */
export function searchOf(workspaceId: string, filter: LogFilter): URLSearchParams {
  const query = new URLSearchParams({ workspaceId });
  for (const [name, value] of Object.entries(filter)) if (value) query.set(name, value);
  return query;
}
