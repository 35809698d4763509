#!/usr/bin/env node
import { main } from './commands/command-line.js';

process.exitCode = await main(process.argv.slice(2));
