import type { Command } from 'commander';

/**
 * A hook that refuses a command without this option. commander's own mandatory options are missed before unknown ones are
 * noticed, so that `--profil` would be answered with "required option '--profile' not specified".
 * @param name the long name, without its dashes
 */
export function demand(name: string): (program: Command, command: Command) => void {
  return (_program, command) => {
    const option = command.options.find(({ long }) => long === `--${name}`);
    if (!option || command.getOptionValue(option.attributeName()) !== undefined) return;
    command.error(`error: required option '${option.flags}' not specified`);
  };
}
