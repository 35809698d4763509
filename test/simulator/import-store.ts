import type { UploadedRow } from './import-upload.js';
import type { Reply } from './reply.js';

/** One upload that was taken. */
export interface StoredImport {
  id: number;
  /** Path of the request, with its IDs. */
  path: string;
  query: Record<string, string>;
  fileName: string;
  text: string;
  rows: UploadedRow[];
}

export interface StoredProfile {
  attributes: Record<string, unknown>;
  updates: number;
}

export interface StoredSession {
  /** The newest `customerSession` as it was sent. */
  text: string;
  value: Record<string, unknown>;
  /** State at the end. */
  state: string;
  updates: number;
}

interface KeptAnswer {
  request: string;
  reply: Reply;
}

const FIRST_IMPORT = 101;

/** What has been written to the simulator through the documented imports. */
export class ImportStore {
  readonly imports: StoredImport[] = [];
  readonly profiles = new Map<string, StoredProfile>();
  /** In the order in which they were created. */
  readonly sessions = new Map<string, StoredSession>();
  /** Codes that exist, by the path they were imported to: coupons must be unique in a campaign. */
  readonly codes = new Map<string, Set<string>>();
  /** Lists that an import replaces, by path. */
  readonly lists = new Map<string, UploadedRow[]>();
  private readonly rows = new Map<string, number>();
  private readonly answers = new Map<string, KeptAnswer>();
  /** Requests that were answered from what is kept. */
  repeated = 0;

  nextId(): number {
    return FIRST_IMPORT + this.imports.length;
  }

  codesOf(path: string): Set<string> {
    const known = this.codes.get(path) ?? new Set<string>();
    this.codes.set(path, known);
    return known;
  }

  /** Row of the session in its Application. */
  sessionRowFor(id: string, append: () => number): number {
    const row = this.rows.get(id) ?? append();
    this.rows.set(id, row);
    return row;
  }

  keptAnswer(key: string): KeptAnswer | undefined {
    return this.answers.get(key);
  }

  /** As after 24 hours. */
  forgetAnswers(): void {
    this.answers.clear();
  }

  keepAnswer(key: string, request: string, reply: Reply): void {
    this.answers.set(key, { request, reply });
  }
}
