import { parse as parseCsv } from 'csv-parse/sync';
import { z } from 'zod';
import type { LoggedRequest } from '../simulator/request-log.js';
import { findOperation, type OpenApiDocument, type Operation } from './open-api-document.js';
import { validatorOf } from './request-contract.js';
import type { Violation } from './violation.js';

export interface RecordedResponse {
  status: number;
  contentType: string;
  text: string;
}

interface Problem {
  pointer: string;
  message: string;
}

/** Whether an answer is what the document promises for a success, or one of its two error shapes. */
export function validateResponse(
  document: OpenApiDocument,
  logged: LoggedRequest,
  response: RecordedResponse,
): Violation[] {
  const operation =
    logged.template === null ? undefined : findOperation(document, logged.method, logged.template);
  const problems =
    response.status < 300
      ? successProblems(document, operation, response)
      : errorProblems(document, response);
  return problems.map(({ pointer, message }) => ({
    operation: `${logged.method} ${logged.template ?? logged.path}`,
    request: `${logged.path}?${logged.query} answered ${response.status}`,
    pointer,
    message,
  }));
}

function successProblems(
  document: OpenApiDocument,
  operation: Operation | undefined,
  response: RecordedResponse,
): Problem[] {
  if (operation === undefined) return [{ pointer: '', message: 'the document has no such operation' }];
  if (!operation.statuses.includes(String(response.status)) && operation.statuses.length > 0)
    return [{ pointer: 'status', message: `${response.status} is not declared` }];
  if (response.status === 204)
    return response.text === '' ? [] : [{ pointer: '', message: 'a 204 has no content' }];
  const type = response.contentType.split(';')[0] ?? '';
  const schema = operation.responsePointers[type];
  if (schema === undefined) return [{ pointer: 'header Content-Type', message: `"${type}" is not declared` }];
  if (type === 'application/csv') return csvProblems(operation, response.text);
  const body = parse(response.text);
  return body === undefined
    ? [{ pointer: '', message: 'not JSON' }]
    : validatorOf(document).check(schema, body);
}

function errorProblems(document: OpenApiDocument, response: RecordedResponse): Problem[] {
  const body = parse(response.text);
  if (body === undefined) return [{ pointer: '', message: 'not JSON' }];
  const validator = validatorOf(document);
  const plain = validator.check('/components/schemas/ErrorResponse', body);
  return plain.length === 0 ? [] : validator.check('/components/schemas/ErrorResponseWithStatus', body);
}

/** The columns are those of the documented example, where there is one, and each row has all of them. */
function csvProblems(operation: Operation, text: string): Problem[] {
  const example = exampleHeader(operation);
  const [header = [], ...rows] = parseCsv(text, { relax_column_count: true });
  if (example !== undefined && header.join(',') !== example)
    return [{ pointer: 'row 0', message: `expected the columns ${example}` }];
  return rows.flatMap((row, index) =>
    row.length === header.length
      ? []
      : [{ pointer: `row ${index + 1}`, message: `${row.length} fields for ${header.length} columns` }],
  );
}

function exampleHeader(operation: Operation): string | undefined {
  const value = z
    .object({
      responses: z.object({
        200: z.object({
          content: z.object({
            'application/csv': z.object({
              examples: z.object({ response: z.object({ value: z.string() }) }),
            }),
          }),
        }),
      }),
    })
    .safeParse(operation.source).data?.responses[200].content['application/csv'].examples.response.value;
  return value?.split('\n')[0];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
