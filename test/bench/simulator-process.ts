import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./simulator-child.js', import.meta.url));

/** What the simulator's process says when it is ready. */
export interface SimulatorAddress {
  readonly url: string;
  readonly apiKey: string;
}

/** A simulator without a request limit, in a process of its own so that it takes no time from what is measured. */
export class SimulatorProcess {
  private constructor(
    readonly address: SimulatorAddress,
    private readonly child: ChildProcess,
  ) {}

  /** @param large further events, each of about `largeBytes` */
  static async start(events: number, large = 0, largeBytes = 0): Promise<SimulatorProcess> {
    const child = fork(PROGRAM, [events, large, largeBytes].map(String), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const ready = once(child, 'message') as Promise<[SimulatorAddress]>;
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('the simulator ended')));
    const [address] = await Promise.race([ready, ended]);
    ended.catch(() => {});
    return new SimulatorProcess(address, child);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.disconnect();
    await ended;
  }
}
