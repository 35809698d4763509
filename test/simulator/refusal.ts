/** An answer that the API gives instead of data. Thrown by whatever part finds the fault in a request. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly status: number,
    readonly body: object,
    readonly headers: Record<string, string> = {},
  ) {
    super(JSON.stringify(body));
  }
}

interface ErrorSource {
  pointer?: string;
  parameter?: string;
}

export function badRequest(details: string, source: ErrorSource): Refusal {
  return new Refusal(400, {
    message: 'The submitted data was invalid',
    errors: [{ title: 'Invalid type', details, source }],
  });
}

export function badParameter(name: string, details: string): Refusal {
  return badRequest(details, { parameter: name });
}

export function notFound(what: string): Refusal {
  return withStatus(404, `${what} not found`);
}

/** The second documented shape of errors. */
export function withStatus(status: number, message: string, headers: Record<string, string> = {}): Refusal {
  return new Refusal(status, { message, errors: [], StatusCode: status }, headers);
}
