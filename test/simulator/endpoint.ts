import type { IncomingHttpHeaders } from 'node:http';
import type { SimulatedApplication } from './application.js';
import { notFound } from './refusal.js';
import type { Reply } from './reply.js';
import type { Switches } from './switches.js';
import type { World } from './world.js';

/** A request that has been let in: the key is right and the path is known. */
export interface ApiRequest {
  world: World;
  /** Values of the placeholders in the path. */
  path: Readonly<Record<string, string>>;
  search: URLSearchParams;
  body: string;
  /** The path as it was sent. */
  url: string;
  headers: IncomingHttpHeaders;
}

export interface Endpoint {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  template: string;
  /** Which of the two APIs it belongs to, and so which key it wants. Default: the Management API. */
  api?: 'integration';
  /** Answers with a CSV file. Its errors are documented to come under the same content type. */
  isExport?: true;
  answer: (request: ApiRequest) => Reply;
}

/** The Application of the path, with late records shown whose time has come. */
export function applicationOf(request: ApiRequest): SimulatedApplication {
  const application = request.world.applications.get(Number(request.path.applicationId));
  if (application === undefined) throw notFound('Application');
  request.world.promoteAll();
  return application;
}

export function switchesFor(request: ApiRequest): Switches {
  const id = request.path.applicationId;
  return request.world.switchBoard.get(id === undefined ? undefined : Number(id));
}
