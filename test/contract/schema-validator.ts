import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { OpenApiDocument } from './open-api-document.js';

/** A validator for any schema that a JSON pointer into the document names. */
export class SchemaValidator {
  private readonly ajv: Ajv2020;
  private readonly compiled = new Map<string, ValidateFunction>();

  constructor(document: OpenApiDocument) {
    // OpenAPI's own keywords (`example`, `x-…`, `deprecated`) are annotations: not strict.
    this.ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
    addFormats.default(this.ajv);
    for (const format of ['string', 'csv', 'acl']) this.ajv.addFormat(format, true);
    this.ajv.addSchema(tightened(document), 'document');
  }

  /** Problems as `pointer: message`; empty when the value is valid. */
  check(pointer: string, value: unknown): { pointer: string; message: string }[] {
    return this.run(pointer, { $ref: `document#${encodeURI(pointer)}` }, value);
  }

  /** For schemas that stand alone, as those of parameters do. */
  checkInline(name: string, schema: object, value: unknown): { pointer: string; message: string }[] {
    return this.run(`inline ${name} ${JSON.stringify(schema)}`, schema, value);
  }

  private run(key: string, schema: object, value: unknown): { pointer: string; message: string }[] {
    let validate = this.compiled.get(key);
    if (validate === undefined) {
      validate = this.ajv.compile(schema);
      this.compiled.set(key, validate);
    }
    if (validate(value)) return [];
    return (validate.errors ?? []).filter(isNews).map((error) => ({
      pointer: error.instancePath,
      message: `${error.message ?? error.keyword}${describe(error)}`,
    }));
  }
}

/** `if` only repeats what its `then` has already reported. */
function isNews(error: ErrorObject): boolean {
  return error.keyword !== 'if';
}

function describe(error: ErrorObject): string {
  const parameters = JSON.stringify(error.params);
  return parameters === '{}' ? '' : ` ${parameters}`;
}

/**
 * Says in JSON Schema what the document says in other ways:
 * - patterns are written for Go, whose `[:cntrl:]` JavaScript does not know.
 * - the properties of an effect follow from its type: the document lists them as `oneOf` without a discriminator, and
 *   `{"value": "X"}` fits five of the branches. The title of a branch is the type it belongs to.
 * - a member may be null whose own example is null (`loyaltyMemberships`) or whose description says so (`nextTierName`).
 */
function tightened(document: OpenApiDocument): object {
  const copy = structuredClone(document);
  visit(copy.components.schemas, (schema) => {
    const maySayNull = schema.example === null || /[Rr]eturns `null`/.test(String(schema.description));
    if (typeof schema.pattern === 'string')
      schema.pattern = schema.pattern.replaceAll('[:cntrl:]', '\\p{Cc}');
    if (maySayNull && typeof schema.type === 'string') schema.type = [schema.type, 'null'];
  });
  for (const schema of Object.values(copy.components.schemas)) splitByEffectType(copy, schema);
  return copy;
}

function splitByEffectType(document: OpenApiDocument, effect: Record<string, unknown>): void {
  if (!Array.isArray(effect.allOf)) return;
  const parts = effect.allOf as Record<string, unknown>[];
  for (const part of [...parts]) {
    const properties = part.properties as { props?: { oneOf?: { $ref: string }[] } } | undefined;
    const branches = properties?.props?.oneOf;
    if (properties === undefined || branches === undefined) continue;
    const titled = branches.map(({ $ref }) => ({ $ref, title: titleOf(document, $ref) }));
    properties.props = { type: 'object' } as object;
    parts.push({ properties: { effectType: { enum: titled.map(({ title }) => title) } } });
    for (const { $ref, title } of titled) {
      const condition = { properties: { effectType: { const: title } }, required: ['effectType'] };
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      parts.push({ if: condition, then: { properties: { props: { $ref } } } });
    }
  }
}

function titleOf(document: OpenApiDocument, ref: string): unknown {
  return document.components.schemas[ref.slice('#/components/schemas/'.length)]?.title;
}

function visit(value: unknown, each: (schema: Record<string, unknown>) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) each(value as Record<string, unknown>);
  for (const inner of Object.values(value)) visit(inner, each);
}
