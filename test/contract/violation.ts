export interface Violation {
  /** `GET /v1/applications/{applicationId}/sessions`. */
  operation: string;
  /** The request in question, path and query. */
  request: string;
  /** Where in the body or among the parameters. */
  pointer: string;
  message: string;
}

export function formatViolation(violation: Violation): string {
  return `${violation.operation}\n  request: ${violation.request}\n  at:      ${violation.pointer || '/'}\n  problem: ${violation.message}`;
}
