const LINE_FEED = 0x0a;

/**
 * Whether a server ends the last row of a file with a line end. That is not documented, and a file that was cut in its
 * last cell looks the same: it is believed once two files of the same length have ended so.
 */
export class LastLine {
  /** Length of the file of each path that ended without, when it was last read. */
  private readonly unended = new Map<string, number>();

  /**
   * The pieces as they come.
   * @throws CutFileError at their end, when they may have been cut
   */
  async *check(path: string, pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
    let bytes = 0;
    let last: number | undefined;
    for await (const piece of pieces) {
      bytes += piece.length;
      last = piece.at(-1) ?? last;
      yield piece;
    }
    const isBelieved = this.unended.get(path) === bytes;
    this.unended.delete(path);
    if (last === undefined || last === LINE_FEED || isBelieved) return;
    this.unended.set(path, bytes);
    throw new CutFileError('its last row has no line end, it may be cut short');
  }
}

export class CutFileError extends Error {}
