// Prints the closing line "N passed, N failed" from vitest's JSON report; fails when there is none or no test ran.
import { readFileSync } from 'node:fs';

const text = readFileSync(process.argv[2], 'utf8');
const report = text === '' ? { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 } : JSON.parse(text);
const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped } = report;
if (passed === 0 || skipped > 0) {
  console.error(`${passed} tests passed and ${skipped} were skipped: every test has to run`);
  process.exitCode = 1;
}
console.log(`${passed} passed, ${failed} failed`);
