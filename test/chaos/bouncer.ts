import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** PgBouncer in transaction mode in front of one database. */
export class Bouncer {
  private constructor(
    /** Address of the database behind it. */
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  /** `url`: the database itself. `dataDir` belongs to the user that PgBouncer, which refuses to be root, runs as. */
  static async start(program: string, url: string, folder: string, dataDir: string): Promise<Bouncer> {
    const home = join(folder, 'pgbouncer');
    await mkdir(home);
    const target = new URL(url);
    const port = await freePort();
    const [user, password] = [target.username, target.password].map(decodeURIComponent);
    await writeFile(join(home, 'users.txt'), `"${user}" "${password}"\n`);
    await writeFile(join(home, 'pgbouncer.ini'), settings(target, port, join(home, 'users.txt')));
    const owner = await stat(dataDir);
    const asRoot = process.getuid?.() === 0;
    if (asRoot) await chown(home, owner.uid, owner.gid);
    const child = spawn(program, ['-q', join(home, 'pgbouncer.ini')], {
      cwd: home,
      stdio: 'ignore',
      ...(asRoot ? { uid: owner.uid, gid: owner.gid } : {}),
    });
    target.host = `127.0.0.1:${port}`;
    return new Bouncer(target.href, child);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}

function settings(target: URL, port: number, users: string): string {
  const database = target.pathname.slice(1);
  return `[databases]
${database} = host=${target.hostname} port=${target.port} dbname=${database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = transaction
default_pool_size = 15
max_client_conn = 200
server_login_retry = 1
server_connect_timeout = 3
`;
}

/** The program, installed from Debian's packages if need be; otherwise why there is none. */
export async function findBouncer(): Promise<{ program: string } | { missing: string }> {
  const program = await which('pgbouncer');
  if (program !== undefined) return { program };
  if (process.getuid?.() !== 0)
    return { missing: 'pgbouncer is not installed, and only root may install it' };
  try {
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update', '--quiet'], { env: environment });
    await run('apt-get', ['install', '--yes', '--no-install-recommends', 'pgbouncer'], { env: environment });
    await run('service', ['pgbouncer', 'stop']).catch(() => {});
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return { missing: `pgbouncer could not be installed: ${reason}` };
  }
  const installed = await which('pgbouncer');
  return installed === undefined ? { missing: 'pgbouncer is not on the PATH' } : { program: installed };
}

async function which(name: string): Promise<string | undefined> {
  for (const folder of [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin']) {
    const path = join(folder, name);
    if (
      await stat(path).then(
        (found) => found.isFile(),
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
