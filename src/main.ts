#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { main } from './commands/command-line.js';

// Pages live so shortly that room for them only fills with dead ones. V8 would let the heap grow to four times what is
// alive before it looks for them; at twice that, the daemon's peak is 60 MB less of 200, for a few percent of its CPU
// (`npm run bench -- daemon-memory`).
setFlagsFromString('--max-semi-space-size=4');
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--heap-growing-percent=100');

process.exitCode = await main(process.argv.slice(2));
