import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { SimulatorOptions } from '../simulator/options.js';

const PROGRAM = fileURLToPath(new URL('./simulator-child.js', import.meta.url));

/** What the simulator's process says when it is ready. */
export interface SimulatorAddress {
  readonly url: string;
  readonly apiKey: string;
}

/** A simulator in a process of its own, so that it takes no time from what is measured; without a request limit by default. */
export class SimulatorProcess {
  private constructor(
    readonly address: SimulatorAddress,
    private readonly child: ChildProcess,
  ) {}

  /** @param large further events, each of about `largeBytes` */
  static async start(options: SimulatorOptions, large = 0, largeBytes = 0): Promise<SimulatorProcess> {
    const whole = { ...options, switches: { requestsPerSecond: 0, ...options.switches } };
    const child = fork(PROGRAM, [JSON.stringify(whole), String(large), String(largeBytes)], {
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
