interface Detail {
  path?: string | string[];
  message?: string;
}

/** An answer of the gateway that is no success. */
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
    const text = nested?.message ?? error ?? message ?? `The server answered with status ${status}`;
    return new ApiError(
      status,
      String(text),
      typeof code === 'string' ? code : null,
      Array.isArray(details) ? details : [],
    );
  }
}

/** What to tell a person about anything that was thrown, one line for each thing that is wrong. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiError) {
    const lines = error.details
      .map((detail) => detail.message ?? '')
      .filter((line) => line && !error.message.includes(line));
    return [error.message, ...lines].join('\n');
  }
  if (error instanceof TypeError) return 'The server cannot be reached.';
  return error instanceof Error ? error.message : String(error);
}

/** Whether the same call may go well a little later: the server, or what stands before it, is away or busy. */
export function mayPass(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status === 429 || error.status >= 500;
}

export function isStatus(error: unknown, status: number): boolean {
  return error instanceof ApiError && error.status === status;
}
