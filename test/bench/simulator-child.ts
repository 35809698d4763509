import type { SimulatorOptions } from '../simulator/options.js';
import { startSimulator } from '../simulator/simulator.js';

// The simulator's side of simulator-process.ts. It ends with its parent, whatever that ends by; Ctrl-C is the parent's.
process.on('SIGINT', () => {});
const [options = '{}', large = '0', largeBytes = '0'] = process.argv.slice(2);
const simulator = await startSimulator(JSON.parse(options) as SimulatorOptions);
const [applicationId = 0] = simulator.applicationIds;
for (let number = 0; number < Number(large); number += 1)
  simulator.addEvent(applicationId, {
    attributes: { number, text: 'lorem ipsum '.repeat(Number(largeBytes) / 12) },
  });
process.once('disconnect', () => void simulator.stop());
process.send?.({ url: simulator.url, apiKey: simulator.apiKey });
