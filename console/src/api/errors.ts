interface Detail {
  path?: string | string[];
  message?: string;
  /** Code of a problem of a workflow. */
  code?: string;
}

/** Error response of the gateway. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null,
    readonly details: readonly Detail[],
  ) {
    super(message);
  }

  static of(status: number, body: unknown): ApiError {
    const { error, message, code, details } = (body ?? {}) as Record<string, unknown>;
    const nested = error && typeof error === 'object' ? (error as Record<string, unknown>) : null;
    const text = nested?.message ?? error ?? message ?? `The server returned status ${status}.`;
    return new ApiError(
      status,
      String(text),
      typeof code === 'string' ? code : null,
      Array.isArray(details) ? details : [],
    );
  }
}

/** Return a readable message for any thrown value, with one line per detail. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiError) {
    const lines = error.details
      .map((detail) => detail.message ?? '')
      .filter((line) => line && !error.message.includes(line));
    return [error.message, ...lines].join('\n');
  }
  if (error instanceof TypeError) return 'Could not reach the server.';
  return error instanceof Error ? error.message : String(error);
}

/** Return whether the same call may succeed later: the server or a proxy is unavailable or busy. */
export function isTransient(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status === 429 || error.status >= 500;
}

export function isStatus(error: unknown, status: number): boolean {
  return error instanceof ApiError && error.status === status;
}
