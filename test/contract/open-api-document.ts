import { readFile } from 'node:fs/promises';
import { z } from 'zod';

// Talon.One's OpenAPI document, as far as the contract needs it. The document is not part of this repository.

const schema = z.record(z.string(), z.unknown());

const parameterSchema = z.looseObject({
  name: z.string(),
  in: z.string(),
  required: z.boolean().optional(),
  schema: schema.optional(),
});
export type Parameter = z.infer<typeof parameterSchema>;

const operationSchema = z.looseObject({
  parameters: z.array(z.looseObject({ $ref: z.string().optional() })).optional(),
  requestBody: z.looseObject({}).optional(),
  responses: z.record(z.string(), z.unknown()).optional(),
});

const documentSchema = z.looseObject({
  openapi: z.string().startsWith('3.1'),
  paths: z.record(z.string(), z.record(z.string(), z.unknown())),
  components: z.looseObject({ schemas: z.record(z.string(), schema) }),
});
export type OpenApiDocument = z.infer<typeof documentSchema>;

export interface Operation {
  method: string;
  template: string;
  parameters: Parameter[];
  /** JSON pointer to the schema of the body, undefined when there is none. */
  bodyPointer: string | undefined;
  /** Content type of the body, where there is one. */
  bodyType: string | undefined;
  /** Declared statuses, as texts. */
  statuses: string[];
  /** JSON pointers to the schemas of a success (200, or 201 where that is declared instead), by content type. */
  responsePointers: Record<string, string>;
  /** The whole operation, for examples. */
  source: unknown;
}

export class DocumentError extends Error {
  override readonly name = 'DocumentError';
}

export async function loadDocument(path: string): Promise<OpenApiDocument> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new DocumentError(
      `The OpenAPI document cannot be read: ${error instanceof Error ? error.message : error}`,
    );
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DocumentError(`${path} is not JSON`);
  }
  const document = documentSchema.safeParse(value);
  if (!document.success)
    throw new DocumentError(`${path} is no OpenAPI 3.1 document: ${z.prettifyError(document.error)}`);
  return document.data;
}

/** Undefined when neither the current nor the historical part of the document has it. */
export function findOperation(
  document: OpenApiDocument,
  method: string,
  template: string,
): Operation | undefined {
  const name = method.toLowerCase();
  const pointer = `/paths/${escapePointer(template)}/${name}`;
  const current = document.paths[template]?.[name];
  if (current !== undefined) return readOperation(document, name, template, current, pointer);
  return findHistorical(document, name, template);
}

function readOperation(
  document: OpenApiDocument,
  method: string,
  template: string,
  source: unknown,
  pointer: string,
): Operation {
  const operation = operationSchema.parse(source);
  const body = operation.requestBody;
  const bodyOwner =
    body === undefined
      ? undefined
      : typeof body.$ref === 'string'
        ? body.$ref.slice(1)
        : `${pointer}/requestBody`;
  const bodyType = bodyTypeOf(document, body);
  const status = operation.responses?.['200'] === undefined ? '201' : '200';
  const success = z
    .looseObject({ content: z.record(z.string(), z.unknown()) })
    .safeParse(operation.responses?.[status]);
  const types = success.success ? Object.keys(success.data.content) : [];
  return {
    method,
    template,
    parameters: (operation.parameters ?? []).map((parameter) =>
      parameterSchema.parse(resolve(document, parameter)),
    ),
    bodyPointer:
      bodyOwner === undefined ? undefined : `${bodyOwner}/content/${escapePointer(bodyType)}/schema`,
    bodyType: bodyOwner === undefined ? undefined : bodyType,
    statuses: Object.keys(operation.responses ?? {}),
    responsePointers: Object.fromEntries(
      types.map((type) => [type, `${pointer}/responses/${status}/content/${escapePointer(type)}/schema`]),
    ),
    source,
  };
}

/** JSON, unless the document has nothing but another type. */
function bodyTypeOf(document: OpenApiDocument, body: unknown): string {
  const { content = {} } = z
    .looseObject({ content: z.record(z.string(), z.unknown()).optional() })
    .parse(body === undefined ? {} : resolve(document, body as { $ref?: string }));
  const types = Object.keys(content);
  return types.length === 0 || types.includes('application/json') ? 'application/json' : (types[0] ?? '');
}

/** Operations of older documents stand under `x-historical`, in a form of their own. */
function findHistorical(document: OpenApiDocument, method: string, template: string): Operation | undefined {
  const pieces = z.record(z.string(), z.unknown()).safeParse(document['x-historical']);
  for (const [name, piece] of Object.entries(pieces.data ?? {})) {
    const entry = z.looseObject({ path: z.literal(template), method: z.literal(method) }).safeParse(piece);
    if (!entry.success) continue;
    const pointer = `/x-historical/${escapePointer(name)}`;
    const operation = readOperation(
      document,
      method,
      template,
      entry.data.operation ?? {},
      `${pointer}/operation`,
    );
    return { ...operation, responsePointers: { 'application/json': `${pointer}/response200` } };
  }
  return undefined;
}

function resolve(document: OpenApiDocument, value: { $ref?: string | undefined }): unknown {
  if (value.$ref === undefined) return value;
  const keys = value.$ref.slice(2).split('/').map(unescapePointer);
  return keys.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], document);
}

export function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

function unescapePointer(key: string): string {
  return key.replaceAll('~1', '/').replaceAll('~0', '~');
}
