import { randomBytes } from 'node:crypto';

/** A CSV file to be uploaded. */
export interface CsvUpload {
  readonly fileName: string;
  readonly content: Buffer;
}

/**
 * The body of an import: `multipart/form-data` (RFC 7578) with the one file part that the API documents, `upFile`, which
 * has a file name and a type of its own (docs/api-facts.md, Imports).
 */
export function multipartBody(upload: CsvUpload): { type: string; data: Buffer } {
  // 144 random bits: no file contains them by chance.
  const boundary = `talon-one-sync-${randomBytes(18).toString('hex')}`;
  const head = [
    `--${boundary}`,
    `Content-Disposition: form-data; name="upFile"; filename="${fileNameOf(upload.fileName)}"`,
    'Content-Type: text/csv',
    '',
    '',
  ].join('\r\n');
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    data: Buffer.concat([Buffer.from(head), upload.content, Buffer.from(`\r\n--${boundary}--\r\n`)]),
  };
}

// Quotes and line breaks would end the header; RFC 7578, section 4.2, percent-encodes them.
function fileNameOf(name: string): string {
  return name.replace(/[\r\n"%]/g, (character) => encodeURIComponent(character));
}
