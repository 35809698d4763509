import { Command, CommanderError } from 'commander';
import { ask } from './asking.js';
import { DemoError } from './demo-error.js';

// For a look into the demonstration's Postgres without psql.

const ABOUT = [
  'Asks the Postgres of "npm run demo -- --keep-running", which prints its address: a question of docs/queries.md by its',
  'number, an SQL statement, or all ten questions.',
].join(' ');

const command = new Command('node dist/test/demo/ask.js')
  .description(ABOUT)
  .argument('<url>', 'postgresql://…')
  .argument('[question]', 'number of a question, or an SQL statement in quotes')
  .addHelpText('after', '\nExit codes: 0 done, 1 the question could not be answered, 2 wrong usage.')
  .exitOverride();

try {
  command.parse();
  const [url = '', question] = command.args;
  for (const line of await ask(url, question)) console.log(line);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof DemoError) {
    console.error(error.message);
    process.exitCode = 1;
  } else throw error;
}
