import type { SimulatorOptions } from '../simulator/options.js';
import { startSimulator } from '../simulator/simulator.js';

// The simulator's side of simulator-process.ts. It ends with its parent, whatever that ends by; Ctrl-C is the parent's.
process.on('SIGINT', () => {});
const simulator = await startSimulator(JSON.parse(process.argv[2] ?? '{}') as SimulatorOptions);
process.once('disconnect', () => void simulator.stop());
process.send?.({ url: simulator.url, apiKey: simulator.apiKey });
