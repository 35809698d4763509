const LINE_FEED = 0x0a;

/** A file on its way, and afterwards whether it may have been cut. */
export interface WatchedFile {
  readonly pieces: AsyncIterable<Buffer>;
  /** @throws CutFileError once the pieces have ended without a line end that was to be expected */
  readonly check: () => void;
}

/**
 * Whether a server ends the last row of a file with a line end. That is not documented, and a file that was cut in its
 * last cell looks the same: it is believed of the server once two files of the same length have ended so.
 */
export class LastLine {
  private isOptional = false;
  /** Length of the file of each path that ended without, when it was last read. */
  private readonly unended = new Map<string, number>();

  watch(path: string, pieces: AsyncIterable<Buffer>): WatchedFile {
    let bytes = 0;
    let last: number | undefined;
    async function* counted(): AsyncGenerator<Buffer, void> {
      for await (const piece of pieces) {
        bytes += piece.length;
        last = piece.at(-1) ?? last;
        yield piece;
      }
    }
    const check = () => {
      if (last === undefined || last === LINE_FEED) return;
      this.isOptional ||= this.unended.get(path) === bytes;
      if (this.isOptional) return;
      this.unended.set(path, bytes);
      throw new CutFileError('its last row has no line end, it may be cut short');
    };
    return { pieces: counted(), check };
  }
}

export class CutFileError extends Error {}
