import { readFile } from 'node:fs/promises';

/** The kernel counts CPU in these, whatever its own tick is (USER_HZ). */
const TICKS_PER_SECOND = 100;

interface ProcessStat {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  /** CPU of the process itself, and of its children that have ended and were waited for, in seconds. */
  readonly own: number;
  readonly ended: number;
}

/** The processes of one Postgres server on this machine. */
export class PostgresProcesses {
  private constructor(private readonly postmaster: number) {}

  /** By one of its backends; undefined where /proc does not show it (another machine, container or system). */
  static async ofBackend(pid: number): Promise<PostgresProcesses | undefined> {
    const stat = await readStat(pid);
    if (!stat?.name.startsWith('postgres')) return undefined;
    return (await childrenOf(stat.parent)).includes(pid) ? new PostgresProcesses(stat.parent) : undefined;
  }

  /** Seconds of CPU since the server started, of all its processes, those that have ended included. */
  async cpuSeconds(): Promise<number> {
    const [postmaster, ...children] = await Promise.all(
      [this.postmaster, ...(await childrenOf(this.postmaster))].map(readStat),
    );
    const living = children.reduce((sum, child) => sum + (child?.own ?? 0), 0);
    return (postmaster?.own ?? 0) + (postmaster?.ended ?? 0) + living;
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  try {
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text
      .split(' ')
      .map(Number)
      .filter((child) => child > 0);
  } catch {
    return [];
  }
}

async function readStat(pid: number): Promise<ProcessStat | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The command's name stands in brackets and may hold anything; what follows begins with field 3, the state.
    const end = text.lastIndexOf(')');
    const fields = text.slice(end + 2).split(' ');
    const ticks = (field: number) => Number(fields[field - 3]) / TICKS_PER_SECOND;
    return {
      pid,
      name: text.slice(text.indexOf('(') + 1, end),
      parent: Number(fields[1]),
      own: ticks(14) + ticks(15),
      ended: ticks(16) + ticks(17),
    };
  } catch {
    // It has ended meanwhile, or there is no /proc.
    return undefined;
  }
}
