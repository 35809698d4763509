import type { LoggedRequest } from '../simulator/request-log.js';
import { findOperation, type OpenApiDocument, type Operation, type Parameter } from './open-api-document.js';
import { SchemaValidator } from './schema-validator.js';
import type { Violation } from './violation.js';

interface Problem {
  pointer: string;
  message: string;
}

const validators = new WeakMap<OpenApiDocument, SchemaValidator>();

/** Compiling the document's schemas takes a while: once for each document. */
export function validatorOf(document: OpenApiDocument): SchemaValidator {
  const known = validators.get(document);
  if (known !== undefined) return known;
  const validator = new SchemaValidator(document);
  validators.set(document, validator);
  return validator;
}

/** Whether a client asked only what the document offers: operation, key, parameters and their types, body. */
export function validateRequest(document: OpenApiDocument, logged: LoggedRequest): Violation[] {
  const operation =
    logged.template === null ? undefined : findOperation(document, logged.method, logged.template);
  const request = `${logged.method} ${logged.path}${logged.query === '' ? '' : `?${logged.query}`}`;
  const name = `${logged.method} ${logged.template ?? logged.path}`;
  const violation = ({ pointer, message }: Problem): Violation => ({
    operation: name,
    request,
    pointer,
    message,
  });
  if (operation === undefined)
    return [violation({ pointer: '', message: 'the document has no such operation' })];
  const validator = validatorOf(document);
  return [
    ...(logged.isAuthorised ? [] : [{ pointer: 'header Authorization', message: 'missing or wrong' }]),
    ...pathProblems(operation, logged, validator),
    ...queryProblems(operation, logged, validator),
    ...bodyProblems(operation, logged, validator),
  ].map(violation);
}

function pathProblems(operation: Operation, logged: LoggedRequest, validator: SchemaValidator): Problem[] {
  const segments = logged.path.split('/');
  return operation.template.split('/').flatMap((part, index) => {
    if (!part.startsWith('{')) return [];
    const parameter = operation.parameters.find(
      ({ name, in: where }) => where === 'path' && `{${name}}` === part,
    );
    if (parameter === undefined) return [{ pointer: `path ${part}`, message: 'not declared' }];
    return parameterProblems(parameter, decodeURIComponent(segments[index] ?? ''), validator);
  });
}

function queryProblems(operation: Operation, logged: LoggedRequest, validator: SchemaValidator): Problem[] {
  const declared = operation.parameters.filter((parameter) => parameter.in === 'query');
  const given = [...new URLSearchParams(logged.query)];
  const missing = declared.filter(
    ({ name, required }) => required === true && !given.some(([key]) => key === name),
  );
  const seen = new Set<string>();
  return [
    ...missing.map(({ name }) => ({ pointer: `query ${name}`, message: 'required and missing' })),
    ...given.flatMap(([name, value]) => {
      const parameter = declared.find((candidate) => candidate.name === name);
      if (parameter === undefined) return [{ pointer: `query ${name}`, message: 'not declared' }];
      if (seen.has(name) && parameter.schema?.type !== 'array')
        return [{ pointer: `query ${name}`, message: 'given twice' }];
      seen.add(name);
      return parameterProblems(parameter, value, validator);
    }),
  ];
}

function parameterProblems(parameter: Parameter, text: string, validator: SchemaValidator): Problem[] {
  const value = typedValue(parameter.schema?.type, text);
  return validator.checkInline(parameter.name, parameter.schema ?? {}, value).map(({ message }) => ({
    pointer: `${parameter.in} ${parameter.name}`,
    message: `"${text}" ${message}`,
  }));
}

/** Parameters travel as text; what does not read as its type stays text and fails there. */
function typedValue(type: unknown, text: string): unknown {
  if ((type === 'integer' || type === 'number') && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true';
  return type === 'array' ? [text] : text;
}

function bodyProblems(operation: Operation, logged: LoggedRequest, validator: SchemaValidator): Problem[] {
  if (operation.bodyPointer === undefined) {
    return logged.body === '' ? [] : [{ pointer: 'body', message: 'not declared' }];
  }
  if (operation.bodyType === 'multipart/form-data') return uploadProblems(logged);
  const problems: Problem[] = logged.contentType.startsWith('application/json')
    ? []
    : [{ pointer: 'header Content-Type', message: `"${logged.contentType}" is not JSON` }];
  let body: unknown;
  try {
    body = JSON.parse(logged.body);
  } catch {
    return [...problems, { pointer: 'body', message: 'not JSON' }];
  }
  const strict = { unevaluatedProperties: false, $ref: `document#${encodeURI(operation.bodyPointer)}` };
  // A misspelled member would be valid JSON Schema, and ignored by the server.
  return [...problems, ...validator.checkInline(operation.template, strict, body)];
}

/** The one part that all uploads declare. */
function uploadProblems({ contentType, body }: LoggedRequest): Problem[] {
  const problems: Problem[] = contentType.startsWith('multipart/form-data')
    ? []
    : [{ pointer: 'header Content-Type', message: `"${contentType}" is not multipart/form-data` }];
  const names = [...body.matchAll(/^Content-Disposition: form-data; name="([^"]*)"/gm)].map(
    ([, name]) => name,
  );
  return names.length === 1 && names[0] === 'upFile'
    ? problems
    : [
        ...problems,
        { pointer: 'body', message: `expected one part "upFile", got ${names.join(', ') || 'none'}` },
      ];
}
