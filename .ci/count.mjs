// Prints the closing line "N passed, N failed" from vitest's JSON reports; fails when one is missing or ran no test.
import { readFileSync } from 'node:fs';

const total = { passed: 0, failed: 0 };
for (const file of process.argv.slice(2)) {
  const text = readFileSync(file, 'utf8');
  const report =
    text === '' ? { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 } : JSON.parse(text);
  const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped } = report;
  if (passed + failed === 0 || skipped > 0) {
    console.error(
      `${file}: ${passed + failed} tests were run and ${skipped} were skipped: every test has to run`,
    );
    process.exitCode = 1;
  }
  total.passed += passed;
  total.failed += failed;
}
console.log(`${total.passed} passed, ${total.failed} failed`);
