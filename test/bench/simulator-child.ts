import { startSimulator } from '../simulator/simulator.js';

// The simulator's side of simulator-process.ts. It ends with its parent, whatever that ends by; Ctrl-C is the parent's.
process.on('SIGINT', () => {});
const [events = 0, large = 0, largeBytes = 0] = process.argv.slice(2).map(Number);
const simulator = await startSimulator({
  history: { events, sessions: Math.min(events, Math.ceil(events / 3)) },
  switches: { requestsPerSecond: 0 },
});
const [applicationId = 0] = simulator.applicationIds;
for (let number = 0; number < large; number += 1)
  simulator.addEvent(applicationId, { attributes: { number, text: 'lorem ipsum '.repeat(largeBytes / 12) } });
process.once('disconnect', () => void simulator.stop());
process.send?.({ url: simulator.url, apiKey: simulator.apiKey });
